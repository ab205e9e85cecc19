#include "support/relay.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LINKS_MAX = 512,
    PIECE_MAX = 16 * 1024,
    PIECES_MAX = 256, /* on their way in one direction: then no more is read */
    TRICKLE_BYTES = 16,
    TICK_MS = 1,
};

/* Bytes on their way. */
struct piece {
    struct piece *next;
    int64_t due_us;
    size_t size, sent;
    char bytes[PIECE_MAX];
};

/* One direction of a connection. */
struct lane {
    int from, to;
    struct piece *first, **last;
    size_t count;
    bool ended, told; /* no more comes; and the other side knows */
};

struct link {
    int client, server;
    struct lane requests, replies;
    bool broken;
};

struct support_relay {
    int listener, port, target_port;
    int wake[2];
    pthread_t thread;
    _Atomic int way, delay_ms, links_now;
    _Atomic bool cut, over;
    _Atomic long dropped;
    struct link *links[LINKS_MAX];
    size_t link_count;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void make_swift(int fd)
{
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* --- one direction --- */

static void lane_init(struct lane *lane, int from, int to)
{
    *lane = (struct lane){.from = from, .to = to};
    lane->last = &lane->first;
}

static void lane_pop(struct lane *lane)
{
    struct piece *piece = lane->first;
    lane->first = piece->next;
    if (lane->first == NULL)
        lane->last = &lane->first;
    lane->count--;
    free(piece);
}

/* False when the connection is broken. */
static bool lane_read(struct support_relay *relay, struct lane *lane, bool drop)
{
    while (!lane->ended && lane->count < PIECES_MAX) {
        struct piece *piece = malloc(sizeof *piece);
        assert(piece != NULL);
        const ssize_t got = recv(lane->from, piece->bytes, sizeof piece->bytes, 0);
        if (got <= 0 || drop)
            free(piece);
        if (got < 0)
            return errno == EAGAIN || errno == EINTR;
        if (got == 0) {
            lane->ended = true;
        } else if (drop) {
            atomic_fetch_add(&relay->dropped, (long)got);
        } else {
            piece->next = NULL;
            piece->due_us = now_us() + atomic_load(&relay->delay_ms) * INT64_C(1000);
            piece->size = (size_t)got;
            piece->sent = 0;
            *lane->last = piece;
            lane->last = &piece->next;
            lane->count++;
        }
    }
    return true;
}

static bool lane_write(struct lane *lane, bool trickle)
{
    while (lane->first != NULL && lane->first->due_us <= now_us()) {
        struct piece *piece = lane->first;
        size_t size = piece->size - piece->sent;
        if (trickle && size > TRICKLE_BYTES)
            size = TRICKLE_BYTES;
        const ssize_t put = send(lane->to, piece->bytes + piece->sent, size, MSG_NOSIGNAL);
        if (put < 0)
            return errno == EAGAIN || errno == EINTR;
        piece->sent += (size_t)put;
        if (piece->sent == piece->size)
            lane_pop(lane);
        if (trickle)
            return true;
    }
    if (lane->first == NULL && lane->ended && !lane->told) {
        lane->told = true;
        shutdown(lane->to, SHUT_WR);
    }
    return true;
}

/* --- connections --- */

static void accept_link(struct support_relay *relay)
{
    const int client = accept(relay->listener, NULL, NULL);
    if (client < 0)
        return;
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in target = loopback(relay->target_port);
    if (server < 0 || atomic_load(&relay->way) == RELAY_REFUSE || relay->link_count == LINKS_MAX ||
        connect(server, (const struct sockaddr *)&target, sizeof target) != 0) {
        close(client);
        if (server >= 0)
            close(server);
        return;
    }
    struct link *link = calloc(1, sizeof *link);
    assert(link != NULL);
    make_swift(client);
    make_swift(server);
    link->client = client;
    link->server = server;
    lane_init(&link->requests, client, server);
    lane_init(&link->replies, server, client);
    relay->links[relay->link_count++] = link;
    atomic_store(&relay->links_now, (int)relay->link_count);
}

static void close_link(struct support_relay *relay, size_t index, bool reset)
{
    struct link *link = relay->links[index];
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (reset) {
        setsockopt(link->client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        setsockopt(link->server, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    close(link->client);
    close(link->server);
    while (link->requests.first != NULL)
        lane_pop(&link->requests);
    while (link->replies.first != NULL)
        lane_pop(&link->replies);
    free(link);
    relay->links[index] = relay->links[--relay->link_count];
    atomic_store(&relay->links_now, (int)relay->link_count);
}

static void run_link(struct support_relay *relay, struct link *link)
{
    const int way = atomic_load(&relay->way);
    if (way == RELAY_FREEZE)
        return;
    const bool trickle = way == RELAY_TRICKLE;
    link->broken = !lane_read(relay, &link->requests, way == RELAY_DROP_REQUESTS) ||
                   !lane_read(relay, &link->replies, way == RELAY_DROP_REPLIES) ||
                   !lane_write(&link->requests, trickle) || !lane_write(&link->replies, trickle);
}

static bool is_over(const struct link *link)
{
    return link->requests.told && link->replies.told;
}

/* --- the loop --- */

/* Until something may be read; pieces that are due are looked for at every tick. */
static void wait_for_something(struct support_relay *relay)
{
    struct pollfd fds[2 + 2 * LINKS_MAX];
    nfds_t count = 0;
    bool on_its_way = false;
    fds[count++] = (struct pollfd){.fd = relay->wake[0], .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = relay->listener, .events = POLLIN};
    const bool frozen = atomic_load(&relay->way) == RELAY_FREEZE;
    for (size_t i = 0; i < relay->link_count && !frozen; i++) {
        const struct lane *lanes[] = {&relay->links[i]->requests, &relay->links[i]->replies};
        for (size_t j = 0; j < 2; j++) {
            on_its_way = on_its_way || lanes[j]->first != NULL;
            if (!lanes[j]->ended && lanes[j]->count < PIECES_MAX)
                fds[count++] = (struct pollfd){.fd = lanes[j]->from, .events = POLLIN};
        }
    }
    poll(fds, count, on_its_way ? TICK_MS : -1);
    if ((fds[0].revents & POLLIN) != 0) {
        char bytes[64];
        (void)!read(relay->wake[0], bytes, sizeof bytes);
    }
    if ((fds[1].revents & POLLIN) != 0)
        accept_link(relay);
}

static void *run(void *self)
{
    struct support_relay *relay = self;
    while (!atomic_load(&relay->over)) {
        wait_for_something(relay);
        const bool cut = atomic_load(&relay->cut);
        for (size_t i = relay->link_count; i-- > 0;) {
            if (!cut)
                run_link(relay, relay->links[i]);
            if (cut || relay->links[i]->broken || is_over(relay->links[i]))
                close_link(relay, i, cut || relay->links[i]->broken);
        }
        if (cut)
            atomic_store(&relay->cut, false);
    }
    while (relay->link_count > 0)
        close_link(relay, relay->link_count - 1, true);
    return NULL;
}

static void wake(struct support_relay *relay)
{
    (void)!write(relay->wake[1], "", 1);
}

/* --- from outside --- */

struct support_relay *support_relay_start(int port, int target_port)
{
    struct support_relay *relay = calloc(1, sizeof *relay);
    assert(relay != NULL);
    struct sockaddr_in address = loopback(port);
    socklen_t size = sizeof address;
    const int one = 1;
    relay->target_port = target_port;
    relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(relay->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    const bool listens = bind(relay->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
                         listen(relay->listener, 128) == 0 &&
                         getsockname(relay->listener, (struct sockaddr *)&address, &size) == 0 &&
                         pipe2(relay->wake, O_CLOEXEC | O_NONBLOCK) == 0;
    assert(listens);
    (void)listens;
    relay->port = ntohs(address.sin_port);
    const int error = pthread_create(&relay->thread, NULL, run, relay);
    assert(error == 0);
    (void)error;
    return relay;
}

void support_relay_stop(struct support_relay **relay)
{
    struct support_relay *old = *relay;
    if (old == NULL)
        return;
    atomic_store(&old->over, true);
    wake(old);
    pthread_join(old->thread, NULL);
    close(old->listener);
    close(old->wake[0]);
    close(old->wake[1]);
    free(old);
    *relay = NULL;
}

int support_relay_port(const struct support_relay *relay)
{
    return relay->port;
}

void support_relay_set(struct support_relay *relay, enum relay_way way)
{
    atomic_store(&relay->way, (int)way);
    wake(relay);
}

void support_relay_delay(struct support_relay *relay, int ms)
{
    atomic_store(&relay->delay_ms, ms);
}

void support_relay_cut(struct support_relay *relay)
{
    atomic_store(&relay->cut, true);
    wake(relay);
    /* Done when it comes back. */
    const struct timespec moment = {.tv_nsec = 1000000};
    while (atomic_load(&relay->cut))
        nanosleep(&moment, NULL);
}

int support_relay_connections(struct support_relay *relay)
{
    return atomic_load(&relay->links_now);
}

long support_relay_dropped(struct support_relay *relay)
{
    return atomic_load(&relay->dropped);
}
