-- Keys of their own: an entry stays for good and unchanged, its Idempotency-Key is kept for 24 hours and then swept.
CREATE TABLE charge_key (
    user_id         uuid NOT NULL,
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 128),
    -- What its repeats are answered with.
    entry_id        uuid NOT NULL UNIQUE REFERENCES ledger (entry_id),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, idempotency_key)
);
CREATE INDEX charge_key_age ON charge_key (created_at);
INSERT INTO charge_key (user_id, idempotency_key, entry_id, created_at)
    SELECT user_id, idempotency_key, entry_id, created_at FROM ledger
    WHERE kind = 'CHARGE' AND created_at > clock_timestamp() - interval '24 hours';
DROP INDEX ledger_charge_once;
GRANT SELECT, INSERT, UPDATE (entry_id, created_at), DELETE ON charge_key TO wallet_app;
