#include "web_files.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

struct web_files {
    size_t count;
    struct web_file files[WEB_FILES_MAX];
};

static const char *const needed[] = {"index.html", "docs.html", "ops.html", "openapi.json"};

static const struct {
    const char *ending, *content_type;
} kinds[] = {
    {".css", "text/css; charset=utf-8"},
    {".html", "text/html; charset=utf-8"},
    {".ico", "image/x-icon"},
    {".js", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".png", "image/png"},
    {".svg", "image/svg+xml"},
    {".woff2", "font/woff2"},
};

static const char *content_type_of(const char *name)
{
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending != NULL && i < ARRAY_LEN(kinds); i++) {
        if (strcmp(ending, kinds[i].ending) == 0)
            return kinds[i].content_type;
    }
    return NULL;
}

/* FNV-1a of 64 bits, and the size: enough to tell two states of one file apart. */
static void write_etag(struct web_file *file)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < file->size; i++)
        hash = (hash ^ (unsigned char)file->content[i]) * 1099511628211U;
    snprintf(file->etag, sizeof file->etag, "\"%zx-%016" PRIx64 "\"", file->size, hash);
}

static void close_folder(DIR **folder)
{
    if (*folder != NULL)
        closedir(*folder);
}

static enum status refuse(char why[static 256], const char *name, const char *what)
{
    snprintf(why, 256, "%s: %s", name, what);
    return ST_UNAVAILABLE;
}

/* The stream to its end. */
static bool read_content(FILE *stream, struct web_file *ret_file)
{
    static const size_t step = 64 * 1024;
    char *content = NULL;
    size_t size = 0;
    while (size <= WEB_FILE_SIZE_MAX && !feof(stream) && !ferror(stream)) {
        char *larger = realloc(content, size + step);
        if (larger == NULL)
            abort();
        content = larger;
        size += fread(content + size, 1, step, stream);
    }
    if (ferror(stream) || size > WEB_FILE_SIZE_MAX) {
        free(content);
        return false;
    }
    ret_file->content = content;
    ret_file->size = size;
    return true;
}

static enum status read_file(struct web_files *files, const char *folder, const char *name,
                             char why[static 256])
{
    char path[4096];
    if (files->count == WEB_FILES_MAX)
        return refuse(why, name, "one file too many");
    if (strlen(name) >= WEB_NAME_MAX ||
        (size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return refuse(why, name, "the name is too long");
    struct web_file *file = &files->files[files->count];
    base_copy_text(file->name, sizeof file->name, name);
    file->content_type = content_type_of(name);
    if (file->content_type == NULL)
        return refuse(why, name, "no kind of file that a page has");

    FILE *stream = fopen(path, "rb");
    if (stream == NULL)
        return refuse(why, name, strerror(errno));
    const bool was_read = read_content(stream, file);
    fclose(stream);
    if (!was_read)
        return refuse(why, name, "too large, or it cannot be read");
    write_etag(file);
    files->count++;
    return ST_OK;
}

static enum status read_assets(struct web_files *files, const char *folder, char why[static 256])
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/assets", folder) >= sizeof path)
        return refuse(why, folder, "the name is too long");
    scoped(close_folder) DIR *assets = opendir(path);
    if (assets == NULL)
        return refuse(why, "assets", strerror(errno));
    const struct dirent *entry;
    while ((entry = readdir(assets)) != NULL) {
        char name[sizeof "assets/" + sizeof entry->d_name];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "assets/%s", entry->d_name);
        TRY(read_file(files, folder, name, why));
    }
    return ST_OK;
}

enum status web_files_load(const char *folder, char ret_why[static 256],
                           struct web_files **ret_files)
{
    scoped(web_files_free) struct web_files *files = calloc(1, sizeof *files);
    if (files == NULL)
        abort();
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        TRY(read_file(files, folder, needed[i], ret_why));
    TRY(read_assets(files, folder, ret_why));
    *ret_files = take(&files);
    return ST_OK;
}

void web_files_free(struct web_files **files)
{
    if (*files == NULL)
        return;
    for (size_t i = 0; i < (*files)->count; i++)
        free((*files)->files[i].content);
    free(*files);
    *files = NULL;
}

const struct web_file *web_files_find(const struct web_files *files, const char *name)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->files[i].name, name) == 0)
            return &files->files[i];
    }
    return NULL;
}
