/* Tokens of an identity provider: who is let in, and every way to try without being one. */
#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "token/base64url.h"
#include "token/identity.h"

#define USER "00000000-0000-4000-8000-000000000001"

enum { NOW_S = 2000000000, TOKEN_MAX = 16384 };

static const char secret[] = "a shared secret of thirty-two bytes";
static EVP_PKEY *rsa, *other_rsa, *short_rsa, *ec, *other_ec, *p384;
static char path[64];
static struct identity *identity;
static _Alignas(16) unsigned char block[16384];
static struct arena arena;
static struct ctx ctx;

/* --- keys, as a provider publishes them --- */

static void encode_number(const BIGNUM *number, int size, char *to)
{
    unsigned char bytes[1024];
    const int padded = size == 0 ? BN_num_bytes(number) : size;
    ck_assert_int_eq(BN_bn2binpad(number, bytes, padded), padded);
    base64url_encode(bytes, (size_t)padded, to);
}

static json_t *jwk_of(EVP_PKEY *key, const char *kid)
{
    static const char *const rsa_names[] = {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E};
    static const char *const ec_names[] = {OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y};
    const bool is_rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
    const int size = is_rsa ? 0 : EVP_PKEY_get_bits(key) / 8;
    char text[2][2048];
    for (int i = 0; i < 2; i++) {
        BIGNUM *number = NULL;
        ck_assert_int_eq(EVP_PKEY_get_bn_param(key, is_rsa ? rsa_names[i] : ec_names[i], &number),
                         1);
        encode_number(number, size, text[i]);
        BN_free(number);
    }
    json_t *jwk = is_rsa ? json_pack("{s:s, s:s, s:s}", "kty", "RSA", "n", text[0], "e", text[1])
                         : json_pack("{s:s, s:s, s:s, s:s}", "kty", "EC", "crv",
                                     size == 32 ? "P-256" : "P-384", "x", text[0], "y", text[1]);
    if (kid != NULL)
        json_object_set_new(jwk, "kid", json_string(kid));
    return jwk;
}

/* Leaves a file with these keys; a new one each time, as a provider would. */
static void publish_text(const char *text)
{
    static time_t moment = 1700000000;
    const struct timespec times[2] = {{.tv_sec = ++moment}, {.tv_sec = moment}};
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void publish(json_t *first, json_t *second)
{
    json_t *keys = json_array();
    json_array_append_new(keys, first);
    if (second != NULL)
        json_array_append_new(keys, second);
    json_t *root = json_pack("{s:o}", "keys", keys);
    char *text = json_dumps(root, 0);
    publish_text(text);
    free(text);
    json_decref(root);
}

/* --- tokens, as a provider or somebody else makes them --- */

static size_t sign_digest(EVP_PKEY *key, const char *text, unsigned char *to)
{
    size_t size = 1024;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key), 1);
    ck_assert_int_eq(EVP_DigestSign(digest, to, &size, (const unsigned char *)text, strlen(text)),
                     1);
    EVP_MD_CTX_free(digest);
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
        return size;
    const unsigned char *at = to;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)size);
    const int half = EVP_PKEY_get_bits(key) / 8;
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_r(pair), to, half), half);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_s(pair), to + half, half), half);
    ECDSA_SIG_free(pair);
    return (size_t)(2 * half);
}

/* By the key, or by these bytes as an HMAC secret, or not at all. */
static const char *make(const char *header, const char *claims, EVP_PKEY *key,
                        const void *hmac_secret, size_t hmac_size)
{
    static char token[TOKEN_MAX];
    unsigned char signature[1024];
    size_t size = 0;
    base64url_encode((const unsigned char *)header, strlen(header), token);
    strncat(token, ".", 2);
    base64url_encode((const unsigned char *)claims, strlen(claims), token + strlen(token));
    if (key != NULL) {
        size = sign_digest(key, token, signature);
    } else if (hmac_secret != NULL) {
        unsigned hmac_length = 0;
        HMAC(EVP_sha256(), hmac_secret, (int)hmac_size, (const unsigned char *)token, strlen(token),
             signature, &hmac_length);
        size = hmac_length;
    }
    strncat(token, ".", 2);
    base64url_encode(signature, size, token + strlen(token));
    return token;
}

static const char good_claims[] = "{\"sub\":\"" USER "\",\"exp\":2000000600}";

static const char *by_key(const char *header, EVP_PKEY *key)
{
    return make(header, good_claims, key, NULL, 0);
}

static const char *by_secret(const char *claims)
{
    return make("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", claims, NULL, secret, strlen(secret));
}

static enum status verify(const char *token)
{
    struct uuid user_id = {""};
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    const enum status status = identity_verify(&ctx, identity, token, NOW_S, &user_id);
    ck_assert_str_eq(user_id.text, status == ST_OK ? USER : "");
    return status;
}

static void expect_refused(const char *token)
{
    ck_assert_int_eq(verify(token), ST_IDENTITY_INVALID);
}

/* --- life --- */

static void make_keys(void)
{
    rsa = EVP_RSA_gen(2048);
    other_rsa = EVP_RSA_gen(2048);
    short_rsa = EVP_RSA_gen(1024);
    ec = EVP_EC_gen("P-256");
    other_ec = EVP_EC_gen("P-256");
    p384 = EVP_EC_gen("P-384");
}

static void free_keys(void)
{
    EVP_PKEY *const keys[] = {rsa, other_rsa, short_rsa, ec, other_ec, p384};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        EVP_PKEY_free(keys[i]);
}

static void use(const struct identity_options *options)
{
    char why[256];
    identity_free(&identity);
    ck_assert_msg(identity_new(options, why, &identity) == ST_OK, "%s", why);
}

static void use_secret(void)
{
    use(&(struct identity_options){.secret = secret, .issuer = "", .audience = ""});
}

static void use_file(void)
{
    use(&(struct identity_options){.jwks_file = path});
}

static void set_up(void)
{
    snprintf(path, sizeof path, "/tmp/boxoffice-jwks-XXXXXX");
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
}

static void tear_down(void)
{
    identity_free(&identity);
    remove(path);
}

START_TEST(a_shared_secret_lets_its_users_in)
{
    use_secret();
    ck_assert_int_eq(verify(by_secret(good_claims)), ST_OK);
    ck_assert_int_eq(verify(by_secret("{\"sub\":\"" USER "\",\"exp\":2000000600.5}")), ST_OK);
    expect_refused(
        make("{\"alg\":\"HS256\"}", good_claims, NULL, "another secret of thirty bytes!!", 32));
    expect_refused(make("{\"alg\":\"none\"}", good_claims, NULL, NULL, 0));
    expect_refused(make("{\"alg\":\"None\"}", good_claims, NULL, secret, strlen(secret)));
    expect_refused(make("{\"alg\":\"HS256\"}", good_claims, NULL, NULL, 0)); /* unsigned */
    expect_refused(make("{\"alg\":\"HS384\"}", good_claims, NULL, secret, strlen(secret)));
    expect_refused(make("{}", good_claims, NULL, secret, strlen(secret)));
    expect_refused(make("{\"alg\":\"RS256\"}", good_claims, NULL, secret, strlen(secret)));
    expect_refused(by_key("{\"alg\":\"RS256\"}", rsa));
}
END_TEST

START_TEST(public_keys_let_their_users_in_by_kid)
{
    publish(jwk_of(rsa, "r"), jwk_of(ec, "e"));
    use_file();
    ck_assert_int_eq(verify(by_key("{\"alg\":\"RS256\",\"kid\":\"r\"}", rsa)), ST_OK);
    ck_assert_int_eq(verify(by_key("{\"alg\":\"ES256\",\"kid\":\"e\"}", ec)), ST_OK);
    expect_refused(by_key("{\"alg\":\"RS256\",\"kid\":\"r\"}", other_rsa));
    expect_refused(by_key("{\"alg\":\"ES256\",\"kid\":\"e\"}", other_ec));
    expect_refused(by_key("{\"alg\":\"RS256\",\"kid\":\"unknown\"}", rsa));
    expect_refused(by_key("{\"alg\":\"RS256\"}", rsa)); /* which of the two? */
    expect_refused(by_key("{\"alg\":\"RS256\",\"kid\":7}", rsa));
    expect_refused(by_key("{\"alg\":\"RS256\",\"kid\":\"e\"}", rsa));
    expect_refused(by_key("{\"alg\":\"ES256\",\"kid\":\"r\"}", rsa));
    expect_refused(make("{\"alg\":\"none\",\"kid\":\"r\"}", good_claims, NULL, NULL, 0));
    publish(jwk_of(rsa, NULL), NULL);
    use_file();
    ck_assert_int_eq(verify(by_key("{\"alg\":\"RS256\"}", rsa)), ST_OK); /* the only one */
}
END_TEST

/* The classic: a public key is known to all, so it must never serve as an HMAC secret. */
START_TEST(a_public_key_is_no_secret)
{
    publish(jwk_of(rsa, "r"), NULL);
    use_file();
    BIO *memory = BIO_new(BIO_s_mem());
    char *pem;
    unsigned char *der = NULL;
    ck_assert_int_eq(PEM_write_bio_PUBKEY(memory, rsa), 1);
    const long pem_size = BIO_get_mem_data(memory, &pem);
    const int der_size = i2d_PUBKEY(rsa, &der);
    static const char *const headers[] = {"{\"alg\":\"HS256\",\"kid\":\"r\"}",
                                          "{\"alg\":\"HS256\"}",
                                          "{\"alg\":\"RS256\",\"kid\":\"r\"}"};
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        expect_refused(make(headers[i], good_claims, NULL, pem, (size_t)pem_size));
        expect_refused(make(headers[i], good_claims, NULL, pem, (size_t)pem_size - 1));
        expect_refused(make(headers[i], good_claims, NULL, der, (size_t)der_size));
        expect_refused(make(headers[i], good_claims, NULL, "", 0));
    }
    OPENSSL_free(der);
    BIO_free(memory);
}
END_TEST

START_TEST(a_token_has_its_time)
{
    static const struct {
        const char *claims;
        bool is_good;
    } rows[] = {
        {"{\"sub\":\"" USER "\",\"exp\":2000000001}", true},
        {"{\"sub\":\"" USER "\",\"exp\":1999999971}", true}, /* clocks may differ */
        {"{\"sub\":\"" USER "\",\"exp\":1999999970}", false},
        {"{\"sub\":\"" USER "\",\"exp\":0}", false},
        {"{\"sub\":\"" USER "\",\"exp\":\"2000000600\"}", false},
        {"{\"sub\":\"" USER "\"}", false},
        {"{\"sub\":\"" USER "\",\"exp\":2000000600,\"nbf\":2000000029}", true},
        {"{\"sub\":\"" USER "\",\"exp\":2000000600,\"nbf\":2000000031}", false},
        {"{\"sub\":\"" USER "\",\"exp\":2000000600,\"nbf\":null}", false},
    };
    use_secret();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg((verify(by_secret(rows[i].claims)) == ST_OK) == rows[i].is_good, "%s",
                      rows[i].claims);
}
END_TEST

START_TEST(a_subject_is_a_user)
{
    static const char *const bad[] = {
        "{\"exp\":2000000600}",
        "{\"sub\":7,\"exp\":2000000600}",
        "{\"sub\":\"alice\",\"exp\":2000000600}",
        "{\"sub\":\"" USER "x\",\"exp\":2000000600}",
        "{\"sub\":\"" USER "\",\"sub\":\"" USER "\",\"exp\":2000000600}",
        "[]",
        "",
    };
    use_secret();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        expect_refused(by_secret(bad[i]));
}
END_TEST

START_TEST(an_issuer_and_an_audience_are_looked_at_when_set)
{
    static const struct {
        const char *claims;
        bool is_good;
    } rows[] = {
        {"{\"sub\":\"" USER "\",\"exp\":2000000600,\"iss\":\"us\",\"aud\":\"box\"}", true},
        {"{\"sub\":\"" USER "\",\"exp\":2000000600,\"iss\":\"us\",\"aud\":[\"a\",\"box\"]}", true},
        {"{\"sub\":\"" USER "\",\"exp\":2000000600,\"iss\":\"us\",\"aud\":[\"a\"]}", false},
        {"{\"sub\":\"" USER "\",\"exp\":2000000600,\"iss\":\"us\"}", false},
        {"{\"sub\":\"" USER "\",\"exp\":2000000600,\"iss\":\"them\",\"aud\":\"box\"}", false},
        {"{\"sub\":\"" USER "\",\"exp\":2000000600,\"aud\":\"box\"}", false},
    };
    use(&(struct identity_options){.secret = secret, .issuer = "us", .audience = "box"});
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg((verify(by_secret(rows[i].claims)) == ST_OK) == rows[i].is_good, "%s",
                      rows[i].claims);
}
END_TEST

START_TEST(what_is_no_token_is_refused)
{
    static char longest[IDENTITY_TEXT_MAX + 2];
    char text[TOKEN_MAX];
    use_secret();
    static const char *const bad[] = {"", ".", "..", "...", "a.b.c", "e30.e30.", "e30.e30"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        expect_refused(bad[i]);
    memset(longest, 'A', sizeof longest - 1);
    expect_refused(longest);
    expect_refused(
        make("{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", good_claims, NULL, secret, strlen(secret)));
    /* Each part is under the signature, and the signature is looked at whole. */
    snprintf(text, sizeof text, "%s", by_secret(good_claims));
    const size_t length = strlen(text);
    for (size_t i = 0; i < length; i += 7) {
        char *at = &text[i];
        const char before = *at;
        *at = before == 'A' ? 'B' : 'A';
        expect_refused(text);
        *at = before;
    }
    text[length - 1] = '\0';
    expect_refused(text);
}
END_TEST

START_TEST(bad_sets_of_keys_are_told_at_start)
{
    char why[256];
    struct identity *none = NULL;
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"keys\":{}}",
        "{\"keys\":[]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"\"}]}"};
    const struct identity_options options = {.jwks_file = path};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        publish_text(bad[i]);
        ck_assert_msg(identity_new(&options, why, &none) == ST_INVALID_REQUEST, "%s", bad[i]);
    }
    publish(jwk_of(short_rsa, "r"), NULL);
    ck_assert_int_eq(identity_new(&options, why, &none), ST_INVALID_REQUEST);
    publish(jwk_of(rsa, "same"), jwk_of(ec, "same"));
    ck_assert_int_eq(identity_new(&options, why, &none), ST_INVALID_REQUEST);
    ck_assert_ptr_nonnull(strstr(why, "kid of another"));
    json_t *off_curve = jwk_of(ec, "e");
    json_object_set(off_curve, "y", json_object_get(off_curve, "x"));
    publish(off_curve, NULL);
    ck_assert_int_eq(identity_new(&options, why, &none), ST_INVALID_REQUEST);
    const struct identity_options both = {.jwks_file = path, .secret = secret};
    ck_assert_int_eq(identity_new(&both, why, &none), ST_INVALID_REQUEST);
    ck_assert_int_eq(identity_new(&(struct identity_options){0}, why, &none), ST_INVALID_REQUEST);
    ck_assert_int_eq(identity_new(&(struct identity_options){.secret = "short"}, why, &none),
                     ST_INVALID_REQUEST);
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(keys_for_something_else_are_passed_over)
{
    json_t *encryption = jwk_of(rsa, "enc");
    json_object_set_new(encryption, "use", json_string("enc"));
    publish(encryption, jwk_of(ec, "e"));
    use_file();
    expect_refused(by_key("{\"alg\":\"RS256\",\"kid\":\"enc\"}", rsa));
    ck_assert_int_eq(verify(by_key("{\"alg\":\"ES256\",\"kid\":\"e\"}", ec)), ST_OK);
    json_t *other_alg = jwk_of(rsa, "pss");
    json_object_set_new(other_alg, "alg", json_string("PS256"));
    publish(other_alg, jwk_of(p384, "p384"));
    char why[256];
    struct identity *none = NULL;
    ck_assert_int_eq(identity_new(&(struct identity_options){.jwks_file = path}, why, &none),
                     ST_INVALID_REQUEST);
}
END_TEST

START_TEST(new_keys_are_taken_while_running_and_a_broken_file_is_not)
{
    publish(jwk_of(rsa, "old"), NULL);
    use_file();
    publish(jwk_of(other_rsa, "new"), NULL);
    char token[TOKEN_MAX];
    snprintf(token, sizeof token, "%s", by_key("{\"alg\":\"RS256\",\"kid\":\"new\"}", other_rsa));
    ck_assert_int_eq(verify(token), ST_OK);
    expect_refused(by_key("{\"alg\":\"RS256\",\"kid\":\"old\"}", rsa));
    publish_text("{\"keys\":");
    const struct timespec look = {.tv_sec = IDENTITY_LOOK_S, .tv_nsec = 100000000};
    nanosleep(&look, NULL); /* so that the file is looked at again */
    expect_refused(by_key("{\"alg\":\"RS256\",\"kid\":\"old\"}", rsa));
    ck_assert_int_eq(verify(token), ST_OK);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("identity");
    tcase_set_timeout(cases, 60);
    tcase_add_unchecked_fixture(cases, make_keys, free_keys);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, a_shared_secret_lets_its_users_in);
    tcase_add_test(cases, public_keys_let_their_users_in_by_kid);
    tcase_add_test(cases, a_public_key_is_no_secret);
    tcase_add_test(cases, a_token_has_its_time);
    tcase_add_test(cases, a_subject_is_a_user);
    tcase_add_test(cases, an_issuer_and_an_audience_are_looked_at_when_set);
    tcase_add_test(cases, what_is_no_token_is_refused);
    tcase_add_test(cases, bad_sets_of_keys_are_told_at_start);
    tcase_add_test(cases, keys_for_something_else_are_passed_over);
    tcase_add_test(cases, new_keys_are_taken_while_running_and_a_broken_file_is_not);
    Suite *suite = suite_create("identity");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
