-- An idempotency key is kept for 24 hours, then forgotten: the claim stays.
CREATE INDEX reservation_keys_by_age ON reservation (created_at) WHERE idempotency_key <> '';

GRANT UPDATE (idempotency_key) ON reservation TO reservation_app;
