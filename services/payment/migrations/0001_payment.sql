-- One row per payment: the saga's state, recorded before each step is taken.

CREATE TABLE payment (
    payment_id        uuid PRIMARY KEY,
    user_id           uuid NOT NULL,
    reservation_id    uuid NOT NULL,
    idempotency_key   text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 128),
    -- The id under which the wallet knows this payment's debit and its refund.
    debit_id          uuid NOT NULL UNIQUE,
    -- The queue token that the payment uses up.
    token_id          uuid NOT NULL,
    queue             text NOT NULL CHECK (length(queue) BETWEEN 1 AND 64),
    state             text NOT NULL DEFAULT 'CLAIMING' CHECK (state IN
        ('CLAIMING', 'DEBITING', 'CONFIRMING', 'EXPIRING_TOKEN', 'COMPLETED',
         'REFUNDING', 'RELEASING', 'FAILED')),
    -- Why it is being undone or failed: the code its user gets.
    failure_code      text CHECK (failure_code ~ '^[A-Z_]{1,40}$'),
    -- As of the claim.
    amount_won        bigint CHECK (amount_won >= 1),
    currency          text CHECK (currency ~ '^[A-Z]{3}$'),
    concert_id        uuid,
    date              date,
    seat_no           integer CHECK (seat_no >= 1),
    -- Right after the debit.
    balance_after_won bigint CHECK (balance_after_won >= 0),
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    paid_at           timestamptz,
    -- Who drives it, by an id made anew for each drive; nobody else may before lease_until.
    lease_id          uuid,
    lease_until       timestamptz NOT NULL,
    -- Times in a row that the present step ended without an answer.
    attempts          integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),

    CONSTRAINT payment_claimed_whole CHECK
        (num_nulls(amount_won, currency, concert_id, date, seat_no) IN (0, 5)),
    CONSTRAINT payment_claimed_before CHECK
        (amount_won IS NOT NULL OR state IN ('CLAIMING', 'FAILED')),
    CONSTRAINT payment_debited_before CHECK
        (balance_after_won IS NOT NULL
         OR state IN ('CLAIMING', 'DEBITING', 'RELEASING', 'FAILED')),
    CONSTRAINT payment_paid CHECK
        ((paid_at IS NOT NULL) = (state IN ('EXPIRING_TOKEN', 'COMPLETED'))),
    CONSTRAINT payment_failure CHECK
        ((failure_code IS NOT NULL) = (state IN ('REFUNDING', 'RELEASING', 'FAILED')))
);

CREATE UNIQUE INDEX payment_key_once ON payment (user_id, idempotency_key);
-- A user has one payment of a reservation that is not failed ...
CREATE UNIQUE INDEX payment_one_per_user ON payment (user_id, reservation_id)
    WHERE state <> 'FAILED';
-- ... and nobody else has one that got hold of it. One that only asks for the seat does not count here,
-- or a stranger who knows a reservation's id could keep its owner from paying.
CREATE UNIQUE INDEX payment_one_per_reservation ON payment (reservation_id)
    WHERE state NOT IN ('CLAIMING', 'FAILED');
CREATE INDEX payment_unfinished ON payment (lease_until)
    WHERE state NOT IN ('COMPLETED', 'FAILED');
CREATE INDEX payment_history ON payment (user_id, payment_id DESC);

GRANT SELECT ON payment TO payment_app;
GRANT INSERT (payment_id, user_id, reservation_id, idempotency_key, debit_id, token_id, queue,
              lease_id, lease_until) ON payment TO payment_app;
-- Who pays for what under which ids never changes.
GRANT UPDATE (state, failure_code, amount_won, currency, concert_id, date, seat_no,
              balance_after_won, updated_at, paid_at, lease_id, lease_until, attempts)
    ON payment TO payment_app;
