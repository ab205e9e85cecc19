-- What can be seen and bought: concerts, their dates, seats and prices.

CREATE TABLE concert (
    concert_id uuid PRIMARY KEY,
    title      text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    artist     text NOT NULL CHECK (length(artist) <= 200),
    venue      text NOT NULL CHECK (length(venue) <= 200),
    -- The line in front of it.
    queue      text NOT NULL CHECK (queue ~ '^[a-z0-9_-]{1,64}$'),
    currency   text NOT NULL CHECK (currency = 'KRW'),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE concert_date (
    concert_id     uuid NOT NULL REFERENCES concert,
    date           date NOT NULL,
    starts_at      timestamptz NOT NULL,
    seats_total    integer NOT NULL CHECK (seats_total BETWEEN 1 AND 5000),
    sale_opens_at  timestamptz NOT NULL,
    sale_closes_at timestamptz NOT NULL,
    -- [[first seat, last seat, price], ...], covering 1..seats_total without overlap: checked by the
    -- service, which alone writes it.
    tiers          jsonb NOT NULL CHECK (jsonb_typeof(tiers) = 'array' AND jsonb_array_length(tiers) BETWEEN 1 AND 32),
    PRIMARY KEY (concert_id, date),
    CONSTRAINT concert_date_window CHECK (sale_opens_at < sale_closes_at)
);

GRANT SELECT, INSERT ON concert, concert_date TO concert_app;
