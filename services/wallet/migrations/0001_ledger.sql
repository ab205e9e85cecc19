-- Money: what everybody has, and every movement that made it so.

CREATE TABLE account (
    user_id     uuid PRIMARY KEY,
    -- Kept equal to the sum of the account's ledger entries by the statements that write both. The
    -- bound is the last truth; the limit in force is a setting, and only refunds may pass that.
    balance_won bigint NOT NULL CHECK (balance_won BETWEEN 0 AND 1000000000000000),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Append-only: the application's role may neither change nor delete an entry.
--   CHARGE  money came in, once per (user_id, idempotency_key)
--   DEBIT   money went out for a payment, once per debit_id
--   REFUND  a debit was given back, once per debit_id; of 0 won when it came before its debit, which it
--           blocks
CREATE TABLE ledger (
    -- Grows along each account, as writers of one account take turns: the order of its history.
    entry_no          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_id          uuid NOT NULL UNIQUE,
    user_id           uuid NOT NULL REFERENCES account (user_id),
    kind              text NOT NULL,
    amount_won        bigint NOT NULL,
    balance_after_won bigint NOT NULL CHECK (balance_after_won >= 0),
    idempotency_key   text CHECK (length(idempotency_key) BETWEEN 1 AND 128),
    debit_id          uuid,
    payment_id        uuid,
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT ledger_shape CHECK (CASE kind
        WHEN 'CHARGE' THEN amount_won > 0 AND idempotency_key IS NOT NULL
                           AND debit_id IS NULL AND payment_id IS NULL
        WHEN 'DEBIT'  THEN amount_won < 0 AND idempotency_key IS NULL
                           AND debit_id IS NOT NULL AND payment_id IS NOT NULL
        WHEN 'REFUND' THEN amount_won >= 0 AND idempotency_key IS NULL
                           AND debit_id IS NOT NULL AND payment_id IS NOT NULL
        ELSE false END)
);

CREATE UNIQUE INDEX ledger_charge_once ON ledger (user_id, idempotency_key) WHERE kind = 'CHARGE';
CREATE UNIQUE INDEX ledger_debit_once ON ledger (debit_id, kind) WHERE kind <> 'CHARGE';
CREATE INDEX ledger_history ON ledger (user_id, entry_no DESC);

GRANT SELECT, INSERT, UPDATE (balance_won) ON account TO wallet_app;
GRANT SELECT, INSERT ON ledger TO wallet_app;
