#include "rpc/failure.h"

#include <string.h>

#include "google/rpc/error.pb-c.h"
#include "rpc/message.h"

#define ERROR_INFO_URL  "type.googleapis.com/google.rpc.ErrorInfo"
#define BAD_REQUEST_URL "type.googleapis.com/google.rpc.BadRequest"

enum { DETAIL_BYTES_MAX = 6 * 1024 }; /* below RPC_METADATA_MAX, with room for the rest */

typedef Google__Rpc__Any Any;
typedef Google__Rpc__ErrorInfo ErrorInfo;
typedef Google__Rpc__ErrorInfo__MetadataEntry MetadataEntry;
typedef Google__Rpc__BadRequest BadRequest;
typedef Google__Rpc__BadRequest__FieldViolation FieldViolation;

/* protobuf-c's structs have no const, and packing changes nothing. */
static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

static void pack_any(Any *any, const char *url, const ProtobufCMessage *message, uint8_t *bytes)
{
    google__rpc__any__init(any);
    any->type_url = text(url);
    any->value.len = protobuf_c_message_pack(message, bytes);
    any->value.data = bytes;
}

static void fill_error_info(ErrorInfo *info, MetadataEntry entries[], MetadataEntry *list[],
                            const struct ctx *ctx, enum status status)
{
    google__rpc__error_info__init(info);
    info->reason = text(status_name(status));
    info->domain = text(RPC_ERROR_DOMAIN);
    for (size_t i = 0; i < ctx->note_count; i++) {
        google__rpc__error_info__metadata_entry__init(&entries[i]);
        entries[i].key = text(ctx->notes[i].key);
        entries[i].value = text(ctx->notes[i].value);
        list[i] = &entries[i];
    }
    info->metadata = list;
    info->n_metadata = ctx->note_count;
}

static void fill_bad_request(BadRequest *bad, FieldViolation violations[], FieldViolation *list[],
                             const struct ctx *ctx)
{
    google__rpc__bad_request__init(bad);
    for (size_t i = 0; i < ctx->violation_count; i++) {
        google__rpc__bad_request__field_violation__init(&violations[i]);
        violations[i].field = text(ctx->violations[i].pointer);
        violations[i].description = text(ctx->violations[i].description);
        list[i] = &violations[i];
    }
    bad->field_violations = list;
    bad->n_field_violations = ctx->violation_count;
}

grpc_slice rpc_failure_pack(const struct ctx *ctx, enum status status)
{
    MetadataEntry entries[CTX_NOTES_MAX], *entry_list[CTX_NOTES_MAX];
    FieldViolation violations[CTX_VIOLATIONS_MAX], *violation_list[CTX_VIOLATIONS_MAX];
    uint8_t info_bytes[DETAIL_BYTES_MAX], bad_bytes[DETAIL_BYTES_MAX];
    ErrorInfo info;
    BadRequest bad;
    Any anys[2], *any_list[2] = {&anys[0], &anys[1]};

    fill_error_info(&info, entries, entry_list, ctx, status);
    pack_any(&anys[0], ERROR_INFO_URL, &info.base, info_bytes);
    Google__Rpc__Status whole = GOOGLE__RPC__STATUS__INIT;
    whole.code = (int32_t)status_rpc_code(status);
    whole.message = text(status_text(status, LANGUAGE_EN));
    whole.details = any_list;
    whole.n_details = 1;
    if (ctx->violation_count > 0) {
        fill_bad_request(&bad, violations, violation_list, ctx);
        pack_any(&anys[1], BAD_REQUEST_URL, &bad.base, bad_bytes);
        whole.n_details = 2;
    }
    grpc_slice slice = grpc_slice_malloc(google__rpc__status__get_packed_size(&whole));
    google__rpc__status__pack(&whole, GRPC_SLICE_START_PTR(slice));
    return slice;
}

static bool read_error_info(struct ctx *ctx, const Any *any, enum status *ret_status)
{
    ProtobufCMessage *message = NULL;
    if (rpc_unpack_bytes(ctx, &google__rpc__error_info__descriptor, any->value.data, any->value.len,
                         &message) != ST_OK)
        return false;
    const ErrorInfo *info = (const ErrorInfo *)message;
    if (strcmp(info->domain, RPC_ERROR_DOMAIN) != 0 || !status_from_name(info->reason, ret_status))
        return false;
    for (size_t i = 0; i < info->n_metadata; i++)
        ctx_note(ctx, info->metadata[i]->key, "%s", info->metadata[i]->value);
    return true;
}

static void read_bad_request(struct ctx *ctx, const Any *any)
{
    ProtobufCMessage *message = NULL;
    if (rpc_unpack_bytes(ctx, &google__rpc__bad_request__descriptor, any->value.data,
                         any->value.len, &message) != ST_OK)
        return;
    const BadRequest *bad = (const BadRequest *)message;
    for (size_t i = 0; i < bad->n_field_violations; i++)
        ctx_violate(ctx, bad->field_violations[i]->field, "%s",
                    bad->field_violations[i]->description);
}

static bool read_details(struct ctx *ctx, grpc_slice value, enum status *ret_status)
{
    ProtobufCMessage *message = NULL;
    bool known = false;
    if (rpc_unpack_bytes(ctx, &google__rpc__status__descriptor, GRPC_SLICE_START_PTR(value),
                         GRPC_SLICE_LENGTH(value), &message) != ST_OK)
        return false;
    const Google__Rpc__Status *whole = (const Google__Rpc__Status *)message;
    for (size_t i = 0; i < whole->n_details; i++) {
        const Any *any = whole->details[i];
        if (strcmp(any->type_url, ERROR_INFO_URL) == 0)
            known = read_error_info(ctx, any, ret_status) || known;
        else if (strcmp(any->type_url, BAD_REQUEST_URL) == 0)
            read_bad_request(ctx, any);
    }
    return known;
}

bool rpc_failure_is_told(const grpc_metadata_array *trailing)
{
    for (size_t i = 0; i < trailing->count; i++) {
        if (grpc_slice_str_cmp(trailing->metadata[i].key, RPC_DETAILS_KEY) == 0)
            return true;
    }
    return false;
}

enum status rpc_failure_read(struct ctx *ctx, int code, const char *message,
                             const grpc_metadata_array *trailing, const char *path)
{
    enum status status = status_from_rpc_code(code);
    for (size_t i = 0; i < trailing->count; i++) {
        if (grpc_slice_str_cmp(trailing->metadata[i].key, RPC_DETAILS_KEY) == 0 &&
            read_details(ctx, trailing->metadata[i].value, &status))
            return ctx_fail(ctx, status, "%s answered %s", path, status_name(status));
    }
    return ctx_fail(ctx, status, "%s: code %d: %s", path, code, message);
}
