-- One queue's line. Everything that reads or changes a line is one call of this script, so it is atomic, and
-- every call first ends what is over and admits whom it may: any instance can run it at any time.
--
--   KEYS 1 meta      hash: epoch, sequence numbers, counters, policy, gate window
--        2 waiting   zset user -> sequence: the line
--        3 active    zset user -> when the place ends by itself (ms)
--        4 skipped   zset user -> until when a user who was absent may come back (ms)
--        5 places    hash user -> "token sequence issued late entry"
--        6 seen      hash user -> last sign of life (ms)
--        7 log       zset entry (JSON) -> its number: what PostgreSQL has not yet recorded
--        8 rate      hash of "a" (all) or "w" (had waited) and a 5-second slot -> admissions
--   ARGV 1 operation, then its arguments
--
-- A user is in exactly one of waiting, active and skipped while a place of theirs is in places. Time is Redis'
-- own. The answer begins with OK, NOLINE (nothing here: Redis was wiped, or the queue is new) or BLOCK (the
-- reserved sequence numbers are used up).
local META, WAITING, ACTIVE, SKIPPED = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local PLACES, SEEN, LOG, RATE = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
-- At most so many in one call, so that no call takes long; the next one goes on.
local SWEEP_MAX, ADMIT_MAX, HEADS_MAX = 128, 128, 256
local REJOIN_MIN_MS = 2000
-- When nobody ran this for so long, nobody could show that they are there.
local OUTAGE_MIN_MS = 5000
local SLOT_MS, SLOTS = 5000, 12

local call = redis.call
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local FIELDS = {'epoch', 'start', 'seq', 'seq_end', 'entry', 'logged', 'admitted', 'skipped', 'capacity',
                'batch', 'interval', 'ttl', 'absent', 'paused', 'window', 'used', 'hold_min', 'hold',
                'expect', 'opened', 'ran', 'awake', 'kind'}
local meta, changed = {}, {}

local function load_meta()
    local values = call('HMGET', META, unpack(FIELDS))
    if not values[1] then
        return false
    end
    for i, field in ipairs(FIELDS) do
        meta[field] = tonumber(values[i]) or values[i]
    end
    return true
end

local function set(field, value)
    meta[field] = value
    changed[field] = value
end

local function save()
    local pairs_list = {}
    for field, value in pairs(changed) do
        pairs_list[#pairs_list + 1] = field
        pairs_list[#pairs_list + 1] = value
    end
    if #pairs_list > 0 then
        call('HSET', META, unpack(pairs_list))
    end
end

local known = {} -- places read in this call; false when there is none

local function read_place(user)
    if known[user] == nil then
        local text = call('HGET', PLACES, user)
        known[user] = false
        if text then
            local token, seq, issued, late, entry = string.match(text, '^(%S+) (%d+) (%d+) (%d) (%d+)$')
            known[user] = {token = token, seq = tonumber(seq), issued = tonumber(issued),
                           late = tonumber(late), entry = tonumber(entry)}
        end
    end
    return known[user]
end

local function write_place(user, place)
    known[user] = place
    call('HSET', PLACES, user, string.format('%s %.0f %.0f %d %.0f', place.token, place.seq, place.issued,
                                             place.late, place.entry))
end

local function log_event(event, reason, user, place, expires)
    set('entry', meta.entry + 1)
    call('ZADD', LOG, meta.entry, cjson.encode({
        epoch = meta.epoch, entry = meta.entry, event = event, reason = reason, sequence = place.seq,
        user_id = user, token_id = place.token, issued_at = place.issued, at = now, expires_at = expires,
        active = call('ZCARD', ACTIVE), capacity = meta.kind ~= 'gate' and meta.capacity or nil}))
    return meta.entry
end

local function finish(user, place, reason)
    call('ZREM', WAITING, user)
    call('ZREM', ACTIVE, user)
    call('ZREM', SKIPPED, user)
    call('HDEL', PLACES, user)
    call('HDEL', SEEN, user)
    known[user] = false
    return log_event('ENDED', reason, user, place)
end

-- After an outage, of Redis or of all instances, everybody has the usual time to show up again.
local function wake()
    local ran = meta.ran or now
    meta.awake = meta.awake or 0
    if now - ran > math.max(OUTAGE_MIN_MS, meta.absent / 2) then
        set('awake', now)
    end
    if not meta.ran or now - ran > 1000 or now < ran then
        set('ran', now)
    end
end

-- Ends what is over by itself: active places past their time, skipped ones that did not come back.
local function sweep()
    for _, set_key in ipairs({ACTIVE, SKIPPED}) do
        if set_key == ACTIVE or now - meta.awake >= meta.absent then
            for _, user in ipairs(call('ZRANGEBYSCORE', set_key, '-inf', now, 'LIMIT', 0, SWEEP_MAX)) do
                finish(user, read_place(user), 'LAPSED')
            end
        end
    end
end

-- How many may enter now.
local function room()
    if meta.paused == 1 then
        return 0
    end
    if meta.hold > 0 then
        -- After a loss of Redis those who waited come back as they poll; nobody may enter before them.
        local back = call('ZCOUNT', WAITING, '-inf', meta.start)
        if now < meta.hold_min or (now < meta.hold and back < meta.expect) then
            return 0
        end
        set('hold', 0)
    end
    local free = ADMIT_MAX
    if meta.kind ~= 'gate' then
        free = math.min(free, meta.capacity - call('ZCARD', ACTIVE))
    end
    if meta.kind ~= 'counter' then
        if now >= meta.window + meta.interval or now < meta.window then
            set('window', now - now % meta.interval)
            set('used', 0)
        end
        free = math.min(free, meta.batch - meta.used)
    end
    return free
end

local function admit_one(user, place)
    local expires = now + meta.ttl
    call('ZADD', ACTIVE, expires, user)
    set('admitted', meta.admitted + 1)
    set('used', meta.used + 1)
    local slot = math.floor(now / SLOT_MS)
    call('HINCRBY', RATE, 'a' .. slot, 1)
    if place.issued < now then
        -- Whoever enters at once says nothing about how fast the line moves.
        call('HINCRBY', RATE, 'w' .. slot, 1)
    end
    place.entry = log_event('ADMITTED', place.late == 1 and 'RETURNED' or 'TURN', user, place, expires)
    write_place(user, place)
end

local function skip_one(user, place)
    call('ZADD', SKIPPED, now + meta.absent, user)
    set('skipped', meta.skipped + 1)
    place.late = 1
    log_event('SKIPPED', 'ABSENT', user, place)
    write_place(user, place)
end

-- Lets in whom it may, lowest sequence first, passing over who is absent.
local function admit()
    local free, looked = room(), 0
    while free > 0 and looked < HEADS_MAX do
        local heads = call('ZRANGE', WAITING, 0, math.min(free, 64) - 1)
        if #heads == 0 then
            return
        end
        local seen = call('HMGET', SEEN, unpack(heads))
        for i, user in ipairs(heads) do
            local place = read_place(user)
            call('ZREM', WAITING, user)
            if now - math.max(tonumber(seen[i]), meta.awake) > meta.absent then
                skip_one(user, place)
            else
                admit_one(user, place)
                free = free - 1
            end
        end
        looked = looked + #heads
    end
end

-- A sign of life; who was skipped stands in line again, by the old sequence.
local function touch(user, place)
    call('HSET', SEEN, user, now)
    if call('ZREM', SKIPPED, user) == 1 then
        call('ZADD', WAITING, place.seq, user)
    end
end

local function enter(user, place)
    write_place(user, place)
    call('HSET', SEEN, user, now)
    call('ZADD', WAITING, place.seq, user)
end

-- Appends status, position, end, and the log entry that must be recorded before the status is told.
local function describe(answer, user, place)
    local expires = call('ZSCORE', ACTIVE, user)
    local status, position, entry = 'W', 0, 0
    if expires then
        status, entry = 'A', place.entry > meta.logged and place.entry or 0
    else
        position = call('ZRANK', WAITING, user) or call('ZCOUNT', WAITING, '-inf', place.seq)
        position = position + 1
    end
    answer[#answer + 1] = status
    answer[#answer + 1] = position
    answer[#answer + 1] = tonumber(expires or 0)
    answer[#answer + 1] = entry
end

local ops = {}

-- user, new token id -> created, token id, sequence, issued, describe...
function ops.issue(user, token)
    sweep()
    local place, created = read_place(user), 0
    if place then
        touch(user, place)
    else
        if meta.seq >= meta.seq_end then
            return {'BLOCK', meta.seq_end}
        end
        set('seq', meta.seq + 1)
        place, created = {token = token, seq = meta.seq, issued = now, late = 0, entry = 0}, 1
        enter(user, place)
    end
    admit()
    local answer = {'OK', meta.epoch, created, place.token, place.seq, place.issued}
    describe(answer, user, place)
    return answer
end

-- touch (0 or 1), then user, token id, sequence each -> epoch, then describe... each. Statuses beside W and A:
-- X expired, U never given, O from before a loss of Redis and not here.
function ops.look(is_touch, ...)
    local asked = {...}
    sweep()
    for i = 1, #asked, 3 do
        local place = read_place(asked[i])
        if is_touch == '1' and place and place.token == asked[i + 1] then
            touch(asked[i], place)
        end
    end
    admit()
    local answer = {'OK', meta.epoch}
    for i = 1, #asked, 3 do
        local place, seq = read_place(asked[i]), tonumber(asked[i + 2])
        if place and place.token == asked[i + 1] then
            describe(answer, asked[i], place)
        else
            local status = 'X'
            if seq > meta.seq then
                status = 'U'
            elseif not place and seq <= meta.start then
                status = 'O'
            end
            for _, value in ipairs({status, 0, 0, 0}) do
                answer[#answer + 1] = value
            end
        end
    end
    return answer
end

-- user, token id, reason -> epoch, ended (0 or 1), log entry, whether it may have been lost with Redis
function ops.expire(user, token, reason)
    sweep()
    local place = read_place(user)
    if not place or place.token ~= token then
        admit()
        return {'OK', meta.epoch, 0, 0, (not place and meta.epoch > 1) and 1 or 0}
    end
    local entry = finish(user, place, reason)
    admit()
    return {'OK', meta.epoch, 1, entry, 0}
end

-- user, token id, reason: records the end of a place that was lost with Redis -> epoch, log entry
function ops.bury(user, token, reason)
    local place = read_place(user)
    if place and place.token == token then
        return {'OK', meta.epoch, finish(user, place, reason)} -- it has come back meanwhile
    end
    return {'OK', meta.epoch, log_event('ENDED', reason, user, {token = token, seq = 0})}
end

-- Admissions a second over the last minute, times 1000: all, and of those who had waited.
local function rates()
    local slots, sums = call('HGETALL', RATE), {a = 0, w = 0}
    for i = 1, #slots, 2 do
        if tonumber(string.sub(slots[i], 2)) <= math.floor(now / SLOT_MS) - SLOTS then
            call('HDEL', RATE, slots[i])
        else
            local kind = string.sub(slots[i], 1, 1)
            sums[kind] = sums[kind] + tonumber(slots[i + 1])
        end
    end
    local span = math.max(1000, math.min(SLOT_MS * SLOTS, now - meta.opened))
    return math.floor(sums.a * 1000000 / span), math.floor(sums.w * 1000000 / span)
end

-- -> figures, and how many to expect back should Redis be lost now
function ops.tick()
    sweep()
    admit()
    local rate, advance = rates()
    local head, waiting = call('ZRANGE', WAITING, 0, 0)[1], call('ZCARD', WAITING)
    return {'OK', meta.epoch, meta.seq, meta.seq_end, meta.entry, meta.logged, meta.admitted, meta.skipped,
            waiting, call('ZCARD', ACTIVE), rate, advance,
            head and now - read_place(head).issued or 0, meta.kind, meta.capacity, meta.batch, meta.interval,
            meta.ttl, meta.absent, meta.paused,
            meta.hold > 0 and math.max(waiting, meta.expect) or waiting}
end

local POLICY = {'kind', 'capacity', 'batch', 'interval', 'ttl', 'absent', 'paused'}

function ops.policy(...)
    for i, value in ipairs({...}) do
        set(POLICY[i], tonumber(value) or value)
    end
    sweep()
    admit()
    return {'OK', meta.epoch}
end

-- last reserved sequence number
function ops.extend(seq_end)
    set('seq_end', math.max(meta.seq_end, tonumber(seq_end)))
    return {'OK', meta.epoch}
end

-- limit -> epoch, number of the last entry, entries
function ops.log_read(limit)
    local found = call('ZRANGEBYSCORE', LOG, '(' .. meta.logged, '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
    local answer = {'OK', meta.epoch, tonumber(found[#found] or meta.logged)}
    for i = 1, #found, 2 do
        answer[#answer + 1] = found[i]
    end
    return answer
end

-- epoch, entry: everything up to that entry is recorded
function ops.log_done(epoch, entry)
    if tonumber(epoch) == meta.epoch then
        set('logged', math.max(meta.logged, tonumber(entry)))
        call('ZREMRANGEBYSCORE', LOG, '-inf', meta.logged)
    end
    return {'OK', meta.epoch}
end

-- user, token id, sequence, issued each: places from before a loss of Redis that still wait
function ops.rejoin(...)
    local asked = {...}
    for i = 1, #asked, 4 do
        local seq = tonumber(asked[i + 2])
        if not read_place(asked[i]) and seq <= meta.start then
            enter(asked[i], {token = asked[i + 1], seq = seq, issued = tonumber(asked[i + 3]),
                             late = meta.hold > 0 and 0 or 1, entry = 0})
        end
    end
    return {'OK', meta.epoch}
end

-- Works without a line too: user, token id, sequence, issued, end each: places that were admitted before
local function restore(...)
    local asked = {...}
    for i = 1, #asked, 5 do
        local user = asked[i]
        if not read_place(user) then
            write_place(user, {token = asked[i + 1], seq = tonumber(asked[i + 2]),
                               issued = tonumber(asked[i + 3]), late = 0, entry = 0})
            call('HSET', SEEN, user, now)
            call('ZADD', ACTIVE, asked[i + 4], user)
        end
    end
    return {'OK'}
end

-- epoch, last number used, last number reserved, how many waited, policy -> whether this call made the line
local function open(epoch, start, seq_end, expect, ...)
    if load_meta() then
        return {'OK', 0}
    end
    for _, field in ipairs({'entry', 'logged', 'admitted', 'skipped', 'window', 'used', 'hold', 'hold_min'}) do
        set(field, 0)
    end
    set('epoch', tonumber(epoch))
    set('start', tonumber(start))
    set('seq', tonumber(start))
    set('seq_end', tonumber(seq_end))
    set('expect', tonumber(expect))
    set('opened', now)
    for i, value in ipairs({...}) do
        set(POLICY[i], tonumber(value) or value)
    end
    if meta.epoch > 1 then
        set('hold_min', now + math.min(REJOIN_MIN_MS, meta.absent))
        set('hold', now + meta.absent)
    end
    save()
    return {'OK', 1}
end

local op = table.remove(ARGV, 1)
if op == 'open' then
    return open(unpack(ARGV))
end
if op == 'restore' then
    return restore(unpack(ARGV))
end
if not load_meta() then
    return {'NOLINE'}
end
wake()
local answer = ops[op](unpack(ARGV))
save()
return answer
