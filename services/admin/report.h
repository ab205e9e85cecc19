/* An audit's report, for people and for programs. */
#ifndef ADMIN_REPORT_H
#define ADMIN_REPORT_H

#include <stdio.h>

#include "audit.h"

/* One line an invariant, "I3 <sentence> violations=0", and below it some of its violations; last
 * what no database can tell. */
void report_print(const struct audit_report *report, FILE *out);
/* {"violations":0,"rows_read":..,"invariants":[{"id":"I1","sentence":..,"violations":0,"samples":[..]},..]}
 */
void report_print_json(const struct audit_report *report, FILE *out);

#endif
