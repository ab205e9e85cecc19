#include "rpc/message.h"

#include <grpc/byte_buffer_reader.h>
#include <string.h>

#include "base/checked.h"

grpc_byte_buffer *rpc_pack(const ProtobufCMessage *message)
{
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

static void *alloc_in_arena(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void free_nothing(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

static bool strings_are_utf8(const ProtobufCMessage *message);

static bool value_is_utf8(const ProtobufCFieldDescriptor *field, const void *value)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *inner = *(const ProtobufCMessage *const *)value;
        return inner == NULL || strings_are_utf8(inner);
    }
    const char *text = *(const char *const *)value;
    return text == NULL || base_is_utf8(text, strlen(text));
}

static bool field_is_utf8(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const char *base = (const char *)message;
    if (field->type != PROTOBUF_C_TYPE_MESSAGE && field->type != PROTOBUF_C_TYPE_STRING)
        return true;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        const size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
        const void *const *values =
            *(const void *const *const *)(const void *)(base + field->offset);
        for (size_t i = 0; i < count; i++) {
            if (!value_is_utf8(field, &values[i]))
                return false;
        }
        return true;
    }
    const bool in_oneof = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    if (in_oneof && *(const uint32_t *)(const void *)(base + field->quantifier_offset) != field->id)
        return true;
    return value_is_utf8(field, base + field->offset);
}

/* Our messages nest a fixed few levels; a recursive type is not in any proto here. */
static bool strings_are_utf8(const ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        if (!field_is_utf8(message, &message->descriptor->fields[i]))
            return false;
    }
    return true;
}

enum status rpc_unpack_bytes(struct ctx *ctx, const ProtobufCMessageDescriptor *type,
                             const uint8_t *bytes, size_t size, ProtobufCMessage **ret_message)
{
    ProtobufCAllocator allocator = {alloc_in_arena, free_nothing, ctx->arena};
    ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, size, bytes);
    if (message == NULL)
        return ctx_fail(ctx, ST_INVALID_REQUEST, "not a %s, or too many parts", type->name);
    if (!strings_are_utf8(message))
        return ctx_fail(ctx, ST_INVALID_REQUEST, "a string of %s is not UTF-8", type->name);
    *ret_message = message;
    return ST_OK;
}

enum status rpc_unpack(struct ctx *ctx, const ProtobufCMessageDescriptor *type,
                       grpc_byte_buffer *buffer, ProtobufCMessage **ret_message)
{
    grpc_byte_buffer_reader reader;
    if (buffer == NULL || !grpc_byte_buffer_reader_init(&reader, buffer))
        return rpc_unpack_bytes(ctx, type, NULL, 0, ret_message);
    /* Nearly always one slice, which is read where it is. */
    grpc_slice *first = NULL, *second = NULL;
    enum status status;
    if (grpc_byte_buffer_reader_peek(&reader, &first) &&
        !grpc_byte_buffer_reader_peek(&reader, &second)) {
        status = rpc_unpack_bytes(ctx, type, GRPC_SLICE_START_PTR(*first),
                                  GRPC_SLICE_LENGTH(*first), ret_message);
    } else {
        grpc_byte_buffer_reader_destroy(&reader);
        (void)grpc_byte_buffer_reader_init(&reader, buffer);
        grpc_slice whole = grpc_byte_buffer_reader_readall(&reader);
        status = rpc_unpack_bytes(ctx, type, GRPC_SLICE_START_PTR(whole), GRPC_SLICE_LENGTH(whole),
                                  ret_message);
        grpc_slice_unref(whole);
    }
    grpc_byte_buffer_reader_destroy(&reader);
    return status;
}
