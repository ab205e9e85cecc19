/* Replies: what an error text means, and copies into a request's arena. Private to lib/kv. */
#ifndef KV_REPLY_H
#define KV_REPLY_H

#include <stdbool.h>

#include "kv/kv.h"

struct redisReply;

/* The status an error reply stands for, by its first word. */
enum status kv_classify_error(const char *text);
/* Whether the server must not be asked again on this connection (it became a replica, or it is
 * loading). */
bool kv_error_ends_connection(const char *text);
/* Whether the text says that the script of an EVALSHA is not loaded. */
bool kv_error_is_noscript(const char *text);

/* Copies a reply into ctx->arena. ST_OVERLOADED when that is full; for an error reply its status,
 * with the text as the ctx's detail. */
enum status kv_reply_copy(struct ctx *ctx, const struct redisReply *from,
                          struct kv_reply *ret_reply) MUST_CHECK;

#endif
