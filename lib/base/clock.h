/* Time. Deadlines and durations are on the monotonic clock; wall time is for people and logs only:
 * what expires is decided by the store's clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_monotonic_us(void);
int64_t clock_wall_ms(void);

/* "2026-11-24T10:48:53.123Z" (RFC 3339, UTC, milliseconds) and its NUL. */
#define CLOCK_RFC3339_SIZE 25
void clock_format_rfc3339(int64_t wall_ms, char ret_text[static CLOCK_RFC3339_SIZE]);

/* Reads "2026-11-24T10:48:53Z", with or without 1 to 9 digits of a second's fraction (cut to
 * milliseconds), with Z or an offset like +09:00; false and unchanged for anything else. */
bool clock_parse_rfc3339(const char *text, int64_t *ret_wall_ms);

/* "2026-11-24" and its NUL. */
#define CLOCK_DATE_SIZE 11
/* The UTC day of a wall time. */
void clock_format_date(int64_t wall_ms, char ret_text[static CLOCK_DATE_SIZE]);
/* Whether text is exactly "YYYY-MM-DD" and a real day from 1970 to 9999. */
bool clock_date_is_valid(const char *text);
/* Start of that UTC day; the date must be valid. */
int64_t clock_date_to_wall_ms(const char *date);

#endif
