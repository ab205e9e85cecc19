/* The files of the web page, read into memory when the gateway starts: what is served never changes
 * under a running gateway, and a request touches no disk.
 *
 *   index.html docs.html ops.html openapi.json   each must be there
 *   assets/NAME.{css,ico,js,json,png,svg,woff2}  whatever is there, hidden files apart */
#ifndef GATEWAY_WEB_FILES_H
#define GATEWAY_WEB_FILES_H

#include <stddef.h>

#include "base/macros.h"
#include "base/status.h"

enum {
    WEB_FILES_MAX = 128,
    WEB_FILE_SIZE_MAX = 4 * 1024 * 1024,
    WEB_NAME_MAX = 120, /* of a file, with its NUL */
    WEB_ETAG_MAX = 40,
};

struct web_file {
    char name[WEB_NAME_MAX]; /* "index.html", "assets/app.js" */
    char etag[WEB_ETAG_MAX]; /* with its quotes; another content has another */
    const char *content_type;
    char *content;
    size_t size;
};

struct web_files;

/* Reads the folder. ST_UNAVAILABLE when it, or a file of it, cannot be read, is too large, of a
 * kind not listed above, or missing: one sentence about it is in ret_why then. */
enum status web_files_load(const char *folder, char ret_why[static 256],
                           struct web_files **ret_files) MUST_CHECK;
void web_files_free(struct web_files **files);
/* NULL when there is none of that name. */
const struct web_file *web_files_find(const struct web_files *files, const char *name);

#endif
