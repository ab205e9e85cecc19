#include "audit_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/macros.h"

static void json_done(json_t **value)
{
    json_decref(*value);
    *value = NULL;
}

static void close_stream(FILE **stream)
{
    if (*stream != NULL)
        fclose(*stream);
}

static json_t *read_findings(const json_t *invariants)
{
    json_t *findings = json_array();
    size_t i;
    const json_t *one;
    json_array_foreach(invariants, i, one)
    {
        json_t *finding = json_pack("{s:O, s:O, s:O}", "invariant", json_object_get(one, "id"),
                                    "meaning", json_object_get(one, "sentence"), "violations",
                                    json_object_get(one, "violations"));
        if (finding != NULL) /* else it lacks one of them */
            json_array_append_new(findings, finding);
    }
    return findings;
}

bool audit_file_read(const char *path, int64_t now_s, json_t **ret_summary, json_t **ret_findings)
{
    scoped(close_stream) FILE *stream = fopen(path, "re");
    struct stat about;
    if (stream == NULL || fstat(fileno(stream), &about) != 0 || about.st_size > AUDIT_FILE_SIZE_MAX)
        return false;
    scoped(json_done) json_t *report = json_loadf(stream, JSON_REJECT_DUPLICATES, NULL);
    const json_t *invariants = json_object_get(report, "invariants");
    json_t *summary =
        json_pack("{s:I, s:O, s:O}", "audited_seconds_ago", (json_int_t)(now_s - about.st_mtime),
                  "violations", json_object_get(report, "violations"), "rows_read",
                  json_object_get(report, "rows_read"));
    if (summary == NULL || !json_is_array(invariants)) {
        json_decref(summary);
        return false;
    }
    *ret_summary = summary;
    *ret_findings = read_findings(invariants);
    return true;
}
