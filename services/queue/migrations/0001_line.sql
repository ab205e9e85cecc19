-- What must survive the loss of Redis: how far sequence numbers were handed out, how each queue admits,
-- and everything that ever happened to a place at the front of a line.

CREATE TABLE line (
    queue             text PRIMARY KEY CHECK (queue ~ '^[a-z0-9_-]{1,64}$'),
    -- Grows by one whenever the line in Redis was made anew.
    epoch             bigint NOT NULL CHECK (epoch >= 1),
    -- The highest sequence number reserved so far: none above it was ever given to anybody.
    watermark         bigint NOT NULL CHECK (watermark >= 0),
    -- How many waited when a job last looked: how many to expect back after a loss.
    waiting           bigint NOT NULL DEFAULT 0 CHECK (waiting >= 0),
    -- The policy an operator set; all NULL while the service's settings are in force.
    policy_kind       text CHECK (policy_kind IN ('counter', 'gate', 'both')),
    capacity          bigint CHECK (capacity >= 1),
    admit_batch       bigint CHECK (admit_batch >= 1),
    admit_interval_ms bigint CHECK (admit_interval_ms >= 1),
    active_ttl_ms     bigint CHECK (active_ttl_ms >= 1),
    absent_ms         bigint CHECK (absent_ms >= 1),
    paused            boolean,
    created_at        timestamptz NOT NULL DEFAULT now(),
    CHECK (num_nulls(policy_kind, capacity, admit_batch, admit_interval_ms, active_ttl_ms, absent_ms, paused)
           IN (0, 7))
);

-- The admission log. (epoch, entry) is the order in which things happened in one queue: the atomic function
-- in Redis numbers them.
--   ADMITTED  reason TURN: the lowest sequence of those present; RETURNED: was skipped, or came back late
--             after a loss of Redis, so others may have passed
--   SKIPPED   reason ABSENT: reached while not polling
--   ENDED     reason LEFT, PAID, LAPSED (active time over, or skipped and not back in time)
CREATE TABLE line_event (
    queue      text NOT NULL REFERENCES line (queue),
    epoch      bigint NOT NULL CHECK (epoch >= 1),
    entry      bigint NOT NULL CHECK (entry >= 1),
    event      text NOT NULL CHECK (event IN ('ADMITTED', 'SKIPPED', 'ENDED')),
    reason     text NOT NULL CHECK (reason IN ('TURN', 'RETURNED', 'ABSENT', 'LEFT', 'PAID', 'LAPSED')),
    -- 0 only for an ENDED place that was lost with Redis before it ended.
    sequence   bigint NOT NULL CHECK (sequence >= 0),
    user_id    uuid NOT NULL,
    token_id   uuid NOT NULL,
    -- When the place was taken; NULL only for an ENDED place that was lost with Redis.
    issued_at  timestamptz,
    -- By Redis' clock.
    at         timestamptz NOT NULL,
    -- Of an ADMITTED place: when it ends by itself.
    expires_at timestamptz CHECK ((expires_at IS NOT NULL) = (event = 'ADMITTED')),
    -- Places active right after this event, and the limit then in force (NULL: none).
    active     bigint NOT NULL CHECK (active >= 0),
    capacity   bigint CHECK (capacity >= 1),
    PRIMARY KEY (queue, epoch, entry)
);

CREATE INDEX line_event_token ON line_event (token_id);
-- Whom to admit again at once after a loss of Redis.
CREATE INDEX line_event_admitted ON line_event (queue, expires_at) WHERE event = 'ADMITTED';

GRANT SELECT, INSERT, UPDATE ON line TO queue_app;
GRANT SELECT, INSERT ON line_event TO queue_app;
