/* The handlers with a fake store and fake streams. */
#ifndef SERVICE_FIXTURE_H
#define SERVICE_FIXTURE_H

#include "base/ctx.h"
#include "rpc/method.h"
#include "token/token.h"
#include "watch.h"

enum { ARENA_SIZE = 1024 * 1024, PATIENCE_MS = 10000 };

extern char user_text[];
extern char token_text[]; /* the id of every token of make_token() */
extern struct arena arena;
extern struct ctx ctx;
extern struct token_key *key;
extern struct watch_list *watches;
extern struct rpc_service rpc;

void set_up(void);
void tear_down(void);
void fresh_ctx(void);

const struct rpc_method *method(const char *name);
enum status call(const char *name, const void *in, void *out);
/* An authentic token, in memory that outlives the ctx's arena. */
char *make_token(const char *queue, int64_t sequence);

#endif
