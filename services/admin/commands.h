/* What boxoffice-admin can do. Each takes what follows its name on the command line and returns the
 * exit code: 0 done, 1 not done (or the audit found violations), 2 not understood. */
#ifndef ADMIN_COMMANDS_H
#define ADMIN_COMMANDS_H

enum { EXIT_DONE = 0, EXIT_NOT_DONE = 1, EXIT_USAGE = 2 };

int command_seed_demo(int argc, char **argv);
int command_import(int argc, char **argv);
int command_create_concert(int argc, char **argv);
int command_add_date(int argc, char **argv);
int command_verify_order(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_queue(int argc, char **argv);
int command_policy(int argc, char **argv);

#endif
