#!/usr/bin/env bash
# story.sh [gateway]: prints the whole story as commands to paste; the README shows the same.
cat <<STORY
GATEWAY=${1:-http://127.0.0.1:8080}
STORY
cat <<'STORY'
ME=$(cat /proc/sys/kernel/random/uuid)
ask() { curl -sS -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" "$@"; }

# Join the line, and wait until it is my turn.
TOKEN=$(ask "$GATEWAY/v1/queue/tokens" -d "{\"user_id\": \"$ME\"}" | jq -r .token)
until [ "$(ask "$GATEWAY/v1/queue/tokens/me" | jq -r .status)" = ACTIVE ]; do sleep 1; done
ask "$GATEWAY/v1/queue/tokens/me" | jq 'del(.token)'

# Choose a concert, a date and a seat.
CONCERT=$(ask "$GATEWAY/v1/concerts" | jq -r '.concerts[0].concert_id')
DATE=$(ask "$GATEWAY/v1/concerts/$CONCERT/dates" | jq -r '.dates[0].date')
SEAT=$(ask "$GATEWAY/v1/concerts/$CONCERT/dates/$DATE/seats" | jq -r '.dates[0].seats[0].seat_no')

# Hold the seat: nobody else can have it for five minutes.
HOLD=$(ask "$GATEWAY/v1/reservations" -d "{\"concert_id\": \"$CONCERT\", \"date\": \"$DATE\", \"seat_no\": $SEAT}")
echo "$HOLD" | jq

# Charge the wallet, and pay.
ask "$GATEWAY/v1/users/$ME/charges" -H "Idempotency-Key: charge-1" -d '{"amount": 1000000}' | jq
RESERVATION=$(echo "$HOLD" | jq -r .reservation_id)
ask "$GATEWAY/v1/payments" -H "Idempotency-Key: pay-1" -d "{\"reservation_id\": \"$RESERVATION\"}" | jq

# The seat is mine; the token was used up, and still shows my receipts.
ask "$GATEWAY/v1/reservations/$RESERVATION" | jq
ask "$GATEWAY/v1/queue/tokens/me" | jq -r .status
STORY
