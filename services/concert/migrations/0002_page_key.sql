-- Signs page tokens: one key for all instances, made here, so that nobody has to hand one out. Replacing it
-- makes earlier tokens invalid, and nothing else.
CREATE TABLE page_key (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    key      bytea NOT NULL CHECK (length(key) = 32)
);
INSERT INTO page_key (key) VALUES
    (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

GRANT SELECT ON page_key TO concert_app;
