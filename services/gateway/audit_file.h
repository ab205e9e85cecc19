/* The report that `boxoffice-admin audit --json` last left in a file. */
#ifndef GATEWAY_AUDIT_FILE_H
#define GATEWAY_AUDIT_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { AUDIT_FILE_SIZE_MAX = 1024 * 1024 };

/* {audited_seconds_ago, violations, rows_read} and a list of {invariant, meaning, violations}, for
 * people. New references; false, and nothing given, when there is no such file or it is no report.
 */
bool audit_file_read(const char *path, int64_t now_s, json_t **ret_summary, json_t **ret_findings);

#endif
