-- Keys of their own: a payment stays for good, its Idempotency-Key is kept for 24 hours and then swept.
CREATE TABLE payment_key (
    user_id         uuid NOT NULL,
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 128),
    -- What its repeats are answered with.
    payment_id      uuid NOT NULL UNIQUE REFERENCES payment (payment_id),
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (user_id, idempotency_key)
);
CREATE INDEX payment_key_age ON payment_key (created_at);
INSERT INTO payment_key (user_id, idempotency_key, payment_id, created_at)
    SELECT user_id, idempotency_key, payment_id, created_at FROM payment
    WHERE created_at > clock_timestamp() - interval '24 hours' OR state NOT IN ('COMPLETED', 'FAILED');
DROP INDEX payment_key_once;
GRANT SELECT, INSERT, UPDATE (payment_id, created_at), DELETE ON payment_key TO payment_app;

-- A debit that was refused is refunded as well, which blocks an attempt of it that may still be on its way.
ALTER TABLE payment DROP CONSTRAINT payment_debited_before;
ALTER TABLE payment ADD CONSTRAINT payment_debited_before CHECK
    (balance_after_won IS NOT NULL
     OR state IN ('CLAIMING', 'DEBITING', 'REFUNDING', 'RELEASING', 'FAILED'));

-- Two kinds of work for two kinds of workers: money and seats never wait behind tokens.
DROP INDEX payment_unfinished;
CREATE INDEX payment_to_settle ON payment (lease_until)
    WHERE state NOT IN ('EXPIRING_TOKEN', 'COMPLETED', 'FAILED');
CREATE INDEX payment_tokens ON payment (lease_until) WHERE state = 'EXPIRING_TOKEN';
