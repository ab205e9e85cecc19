#include "report.h"

#include <inttypes.h>
#include <stdlib.h>

#include <jansson.h>

void report_print(const struct audit_report *report, FILE *out)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct audit_finding *finding = &report->findings[i];
        fprintf(out, "%-3s %s violations=%" PRId64 "\n", finding->invariant->id,
                finding->invariant->sentence, finding->violations);
        for (size_t j = 0; j < finding->sample_count; j++)
            fprintf(out, "      %s\n", finding->samples[j]);
        if (finding->violations > (int64_t)finding->sample_count)
            fprintf(out, "      ... and %" PRId64 " more\n",
                    finding->violations - (int64_t)finding->sample_count);
    }
    fputs(
        "I14 no crash, no leak, serving again after a fault: seen from outside (tests, /readyz)\n",
        out);
    fprintf(out, "%s: %zu invariants over %" PRId64 " rows, %" PRId64 " violations\n",
            report->violations == 0 ? "sound" : "BROKEN", report->count, report->rows_read,
            report->violations);
}

void report_print_json(const struct audit_report *report, FILE *out)
{
    json_t *invariants = json_array();
    for (size_t i = 0; i < report->count; i++) {
        const struct audit_finding *finding = &report->findings[i];
        json_t *samples = json_array();
        for (size_t j = 0; j < finding->sample_count; j++)
            json_array_append_new(samples, json_string(finding->samples[j]));
        json_array_append_new(invariants,
                              json_pack("{s:s, s:s, s:I, s:o}", "id", finding->invariant->id,
                                        "sentence", finding->invariant->sentence, "violations",
                                        (json_int_t)finding->violations, "samples", samples));
    }
    json_t *root = json_pack("{s:I, s:I, s:o}", "violations", (json_int_t)report->violations,
                             "rows_read", (json_int_t)report->rows_read, "invariants", invariants);
    json_dumpf(root, out, JSON_COMPACT);
    fputc('\n', out);
    json_decref(root);
}
