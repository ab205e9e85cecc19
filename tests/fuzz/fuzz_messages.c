/* Requests of every method of every service, mutated on the wire: what lib/rpc makes of them fits
 * the arena, has only UTF-8 in its strings, and is the same message when it is sent on. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "boxoffice/concert/v1/concert.pb-c.h"
#include "boxoffice/payment/v1/payment.pb-c.h"
#include "boxoffice/queue/v1/queue.pb-c.h"
#include "boxoffice/reservation/v1/reservation.pb-c.h"
#include "boxoffice/wallet/v1/wallet.pb-c.h"
#include "fuzz.h"
#include "rpc/message.h"

enum {
    ROUNDS = 400, /* of each method */
    WIRE_MAX = 8192,
    ARENA_MAX = 256 * 1024,
    GUARD = 64, /* bytes behind the arena that nobody may touch */
    REPEATED_MAX = 3,
    FLOOD = 64 * 1024, /* bytes of a request that is nothing but unknown fields */
};

static struct fuzz fuzz;
static unsigned char memory[ARENA_MAX + GUARD];
static struct arena arena;
static struct ctx ctx;

static const ProtobufCServiceDescriptor *const services[] = {
    &boxoffice__queue__v1__queue_service__descriptor,
    &boxoffice__concert__v1__concert_service__descriptor,
    &boxoffice__reservation__v1__reservation_service__descriptor,
    &boxoffice__wallet__v1__wallet_service__descriptor,
    &boxoffice__payment__v1__payment_service__descriptor,
};

static void fresh_arena(void)
{
    memset(memory + ARENA_MAX, 0xa5, GUARD);
    arena_init(&arena, memory, ARENA_MAX);
    ctx_init(&ctx, &arena);
}

static void check_guard(void)
{
    for (size_t i = 0; i < GUARD; i++)
        ck_assert_uint_eq(memory[ARENA_MAX + i], 0xa5);
    ck_assert_uint_le(arena.used, ARENA_MAX);
}

static void set_up(void)
{
    fuzz_init(&fuzz);
    fresh_arena();
}

/* --- a request with something in every field, as it goes over the wire --- */

static size_t put_varint(uint8_t *to, uint64_t value)
{
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        to[size++] = (uint8_t)(value | 0x80);
    to[size++] = (uint8_t)value;
    return size;
}

static size_t put_message(uint8_t *to, const ProtobufCMessageDescriptor *type);

static size_t put_field(uint8_t *to, const ProtobufCFieldDescriptor *field)
{
    static const char *const texts[] = {"", "main", "01a20da5-ac09-7000-90bf-93cafee19d33",
                                        "2026-11-25", "\xec\x95\x84"};
    const bool has_size = field->type == PROTOBUF_C_TYPE_STRING ||
                          field->type == PROTOBUF_C_TYPE_BYTES ||
                          field->type == PROTOBUF_C_TYPE_MESSAGE;
    size_t used = put_varint(to, (uint64_t)field->id << 3 | (has_size ? 2 : 0));
    if (!has_size)
        return used + put_varint(to + used, fuzz_bits(&fuzz) >> fuzz_below(&fuzz, 64));
    uint8_t inner[WIRE_MAX / 4];
    size_t size;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        size = put_message(inner, field->descriptor);
    } else {
        const char *text = texts[fuzz_below(&fuzz, ARRAY_LEN(texts))];
        size = strlen(text);
        memcpy(inner, text, size);
    }
    used += put_varint(to + used, size);
    memcpy(to + used, inner, size);
    return used + size;
}

static size_t put_message(uint8_t *to, const ProtobufCMessageDescriptor *type)
{
    size_t used = 0;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        ck_assert_msg(
            field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_BYTES ||
                field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_INT32 ||
                field->type == PROTOBUF_C_TYPE_INT64 || field->type == PROTOBUF_C_TYPE_ENUM ||
                field->type == PROTOBUF_C_TYPE_BOOL,
            "%s of %s has a type that is not written here", field->name, type->name);
        size_t times = 1;
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            times = fuzz_below(&fuzz, REPEATED_MAX + 1);
        for (; times > 0; times--)
            used += put_field(to + used, field);
    }
    return used;
}

/* --- what came out --- */

static void check_strings(const ProtobufCMessage *message);

static void check_value(const ProtobufCFieldDescriptor *field, const void *value)
{
    const char *text = *(const char *const *)value;
    if (text == NULL)
        return;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        check_strings((const void *)text);
    else
        ck_assert(base_is_utf8(text, strlen(text)));
}

static void check_strings(const ProtobufCMessage *message)
{
    const char *base = (const char *)message;
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const void *quantifier = base + field->quantifier_offset;
        const void *at = base + field->offset;
        if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (field->label != PROTOBUF_C_LABEL_REPEATED) {
            const bool in_oneof = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
            if (!in_oneof || *(const uint32_t *)quantifier == field->id)
                check_value(field, at);
            continue;
        }
        const void *const *list = *(const void *const *const *)at;
        for (size_t n = *(const size_t *)quantifier; n > 0; n--)
            check_value(field, &list[n - 1]);
    }
}

static void check_sent_on(const ProtobufCMessage *message)
{
    static uint8_t first[2 * WIRE_MAX], second[2 * WIRE_MAX];
    ProtobufCMessage *again = NULL;
    const size_t size = protobuf_c_message_get_packed_size(message);
    ck_assert_uint_le(size, sizeof first);
    protobuf_c_message_pack(message, first);
    ck_assert_int_eq(rpc_unpack_bytes(&ctx, message->descriptor, first, size, &again), ST_OK);
    ck_assert_uint_eq(protobuf_c_message_get_packed_size(again), size);
    protobuf_c_message_pack(again, second);
    ck_assert_mem_eq(first, second, size);
}

START_TEST(a_mutated_request_is_refused_or_whole)
{
    uint8_t wire[WIRE_MAX];
    const ProtobufCServiceDescriptor *service = services[_i];
    size_t taken = 0, refused = 0;
    for (unsigned m = 0; m < service->n_methods; m++) {
        for (size_t i = fuzz_rounds(ROUNDS); i > 0; i--) {
            const ProtobufCMessageDescriptor *type = service->methods[m].input;
            ProtobufCMessage *message = NULL;
            size_t size = put_message(wire, type);
            size = fuzz_mutate(&fuzz, wire, size, sizeof wire);
            fresh_arena();
            if (rpc_unpack_bytes(&ctx, type, wire, size, &message) == ST_OK) {
                check_strings(message);
                check_sent_on(message);
                taken++;
            } else {
                ck_assert_int_eq(ctx.failure, ST_INVALID_REQUEST);
                refused++;
            }
            check_guard();
        }
    }
    ck_assert_uint_gt(taken, 0);
    ck_assert_uint_gt(refused, 0);
}
END_TEST

START_TEST(noise_is_refused_or_whole)
{
    uint8_t wire[256];
    for (size_t i = fuzz_rounds(20 * ROUNDS); i > 0; i--) {
        const ProtobufCServiceDescriptor *service =
            services[fuzz_below(&fuzz, ARRAY_LEN(services))];
        const ProtobufCMessageDescriptor *type =
            service->methods[fuzz_below(&fuzz, service->n_methods)].input;
        const size_t size = fuzz_below(&fuzz, sizeof wire);
        ProtobufCMessage *message = NULL;
        fuzz_bytes(&fuzz, wire, size);
        fresh_arena();
        if (rpc_unpack_bytes(&ctx, type, wire, size, &message) == ST_OK)
            check_strings(message);
        check_guard();
    }
}
END_TEST

/* Each costs protobuf-c tens of times its two bytes: the arena is the cap, whatever comes. */
START_TEST(a_flood_of_unknown_fields_stays_in_the_arena)
{
    static uint8_t wire[FLOOD];
    ProtobufCMessage *message = NULL;
    for (size_t i = 0; i + 3 <= sizeof wire; i += 3) {
        wire[i] = 0xf8; /* field 127, a varint */
        wire[i + 1] = 0x07;
        wire[i + 2] = 0x01;
    }
    fresh_arena();
    ck_assert_int_eq(rpc_unpack_bytes(&ctx, &boxoffice__wallet__v1__charge_request__descriptor,
                                      wire, sizeof wire / 3 * 3, &message),
                     ST_INVALID_REQUEST);
    check_guard();
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("messages");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, set_up, NULL);
    tcase_add_loop_test(cases, a_mutated_request_is_refused_or_whole, 0, ARRAY_LEN(services));
    tcase_add_test(cases, noise_is_refused_or_whole);
    tcase_add_test(cases, a_flood_of_unknown_fields_stays_in_the_arena);
    Suite *suite = suite_create("fuzz: messages");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
