-- Who holds or owns which seat. A claim is a row that stays; only live ones exclude others.

CREATE SEQUENCE reservation_version;

CREATE TABLE reservation (
    reservation_id  uuid PRIMARY KEY,
    user_id         uuid NOT NULL,
    concert_id      uuid NOT NULL,
    date            date NOT NULL,
    seat_no         integer NOT NULL CHECK (seat_no BETWEEN 1 AND 5000),
    price_won       bigint NOT NULL CHECK (price_won BETWEEN 1 AND 1000000000),
    currency        text NOT NULL CHECK (currency = 'KRW'),
    status          text NOT NULL
        CHECK (status IN ('HELD', 'PAYING', 'CONFIRMED', 'EXPIRED', 'CANCELLED')),
    -- End of the hold as it was granted; a payment's lease may go past it by a fixed limit.
    hold_until      timestamptz NOT NULL,
    -- End of the claim as it is now. A HELD or PAYING row past this moment claims nothing, whatever its
    -- status says: every statement looks at the clock. Kept after CONFIRMED as the lease that allowed it.
    claim_until     timestamptz NOT NULL,
    payment_id      uuid,
    token_id        uuid NOT NULL,
    queue           text NOT NULL CHECK (queue ~ '^[a-z0-9_-]{1,64}$'),
    idempotency_key text NOT NULL DEFAULT '' CHECK (length(idempotency_key) <= 128),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    confirmed_at    timestamptz,
    -- Grows with every change; the highest of a date is that date's occupancy version.
    version         bigint NOT NULL DEFAULT nextval('reservation_version'),
    CONSTRAINT reservation_paying CHECK (status NOT IN ('PAYING', 'CONFIRMED') OR payment_id IS NOT NULL),
    CONSTRAINT reservation_confirmed CHECK ((status = 'CONFIRMED') = (confirmed_at IS NOT NULL)),
    CONSTRAINT reservation_in_time CHECK (confirmed_at IS NULL OR confirmed_at <= claim_until),
    CONSTRAINT reservation_extension CHECK (claim_until <= hold_until + interval '5 minutes')
);

-- The two truths of this service (DESIGN, "Seats").
CREATE UNIQUE INDEX reservation_one_claim_per_seat ON reservation (concert_id, date, seat_no)
    WHERE status IN ('HELD', 'PAYING', 'CONFIRMED');
CREATE UNIQUE INDEX reservation_one_seat_per_date ON reservation (concert_id, date, user_id)
    WHERE status IN ('HELD', 'PAYING', 'CONFIRMED');
CREATE UNIQUE INDEX reservation_one_per_key ON reservation (user_id, idempotency_key)
    WHERE idempotency_key <> '';
CREATE INDEX reservation_of_user ON reservation (user_id, reservation_id DESC);
CREATE INDEX reservation_versions ON reservation (concert_id, date, version);
CREATE INDEX reservation_to_lapse ON reservation (claim_until) WHERE status IN ('HELD', 'PAYING');

GRANT USAGE ON SEQUENCE reservation_version TO reservation_app;
GRANT SELECT, INSERT, UPDATE (status, claim_until, payment_id, confirmed_at, version)
    ON reservation TO reservation_app;
