/* Finding files and symbols in serialised FileDescriptorSets, by their wire format
 * (https://protobuf.dev/programming-guides/encoding/); field numbers as in
 * google/protobuf/descriptor.proto. */
#ifndef RPC_DESCRIPTORS_H
#define RPC_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rpc_bytes {
    const uint8_t *data;
    size_t size;
};

/* The next file of a set; false at its end. Start with *cursor = 0. */
bool rpc_next_file(struct rpc_bytes set, size_t *cursor, struct rpc_bytes *ret_file);
bool rpc_file_has_name(struct rpc_bytes file, const char *name);
/* Whether the file declares the full name of a message (also a nested one), enum, service or
 * method. */
bool rpc_file_has_symbol(struct rpc_bytes file, const char *symbol);

#endif
