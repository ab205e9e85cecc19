#include "base/clock.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <time.h>

int64_t clock_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0 ? 1 : 0);
}

static struct tm utc(int64_t wall_ms)
{
    const time_t seconds = (time_t)floor_div(wall_ms, 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    return parts;
}

void clock_format_rfc3339(int64_t wall_ms, char ret_text[static CLOCK_RFC3339_SIZE])
{
    const struct tm parts = utc(wall_ms);
    const int ms = (int)(wall_ms - floor_div(wall_ms, 1000) * 1000);
    /* The moduli only tell the compiler what is true: it all fits. */
    snprintf(ret_text, CLOCK_RFC3339_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             (unsigned)(parts.tm_year + 1900) % 10000U, (unsigned)(parts.tm_mon + 1) % 100U,
             (unsigned)parts.tm_mday % 100U, (unsigned)parts.tm_hour % 100U,
             (unsigned)parts.tm_min % 100U, (unsigned)parts.tm_sec % 100U, (unsigned)ms % 1000U);
}

void clock_format_date(int64_t wall_ms, char ret_text[static CLOCK_DATE_SIZE])
{
    const struct tm parts = utc(wall_ms);
    snprintf(ret_text, CLOCK_DATE_SIZE, "%04u-%02u-%02u", (unsigned)(parts.tm_year + 1900) % 10000U,
             (unsigned)(parts.tm_mon + 1) % 100U, (unsigned)parts.tm_mday % 100U);
}

static int number(const char *digits, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++)
        value = value * 10 + (digits[i] - '0');
    return value;
}

static bool has_date_shape(const char *text)
{
    for (int i = 0; i < CLOCK_DATE_SIZE - 1; i++) {
        const bool fits = i == 4 || i == 7 ? text[i] == '-' : isdigit((unsigned char)text[i]) != 0;
        if (!fits)
            return false; /* also at an early NUL */
    }
    return text[CLOCK_DATE_SIZE - 1] == '\0';
}

int64_t clock_date_to_wall_ms(const char *date)
{
    assert(has_date_shape(date));
    struct tm parts = {.tm_year = number(date, 4) - 1900,
                       .tm_mon = number(date + 5, 2) - 1,
                       .tm_mday = number(date + 8, 2)};
    return (int64_t)timegm(&parts) * 1000;
}

bool clock_date_is_valid(const char *text)
{
    if (!has_date_shape(text) || number(text, 4) < 1970)
        return false;
    /* A day that is not real (31 April) comes back as another one. */
    char again[CLOCK_DATE_SIZE];
    clock_format_date(clock_date_to_wall_ms(text), again);
    for (int i = 0; i < CLOCK_DATE_SIZE; i++) {
        if (again[i] != text[i])
            return false;
    }
    return true;
}

/* `count` digits that make a number of at most `max`. */
static bool read_number(const char **text, int count, int max, int *ret_value)
{
    for (int i = 0; i < count; i++) {
        if (!isdigit((unsigned char)(*text)[i]))
            return false;
    }
    *ret_value = number(*text, count);
    *text += count;
    return *ret_value <= max;
}

static bool skip(const char **text, char c)
{
    const bool is_there = **text == c;
    *text += is_there ? 1 : 0;
    return is_there;
}

/* ".123456": milliseconds. */
static bool read_fraction(const char **text, int *ret_ms)
{
    enum { DIGITS_MAX = 9 };
    int digits = 0;
    *ret_ms = 0;
    if (!skip(text, '.'))
        return true;
    for (; isdigit((unsigned char)**text); (*text)++, digits++) {
        if (digits < 3)
            *ret_ms = *ret_ms * 10 + (**text - '0');
    }
    for (int i = digits; i < 3; i++)
        *ret_ms *= 10;
    return digits >= 1 && digits <= DIGITS_MAX;
}

/* "Z", or "+09:00": minutes ahead of UTC. */
static bool read_offset(const char **text, int *ret_minutes)
{
    int hours, minutes;
    *ret_minutes = 0;
    if (skip(text, 'Z'))
        return true;
    const bool is_behind = **text == '-';
    if (!skip(text, '+') && !skip(text, '-'))
        return false;
    if (!read_number(text, 2, 23, &hours) || !skip(text, ':') ||
        !read_number(text, 2, 59, &minutes))
        return false;
    *ret_minutes = (hours * 60 + minutes) * (is_behind ? -1 : 1);
    return true;
}

bool clock_parse_rfc3339(const char *text, int64_t *ret_wall_ms)
{
    char date[CLOCK_DATE_SIZE];
    int hours, minutes, seconds, ms, offset;
    for (int i = 0; i < CLOCK_DATE_SIZE - 1; i++) {
        if (text[i] == '\0')
            return false;
        date[i] = text[i];
    }
    date[CLOCK_DATE_SIZE - 1] = '\0';
    if (!clock_date_is_valid(date))
        return false;
    text += CLOCK_DATE_SIZE - 1;
    if (!skip(&text, 'T') || !read_number(&text, 2, 23, &hours) || !skip(&text, ':') ||
        !read_number(&text, 2, 59, &minutes) || !skip(&text, ':') ||
        !read_number(&text, 2, 59, &seconds) || !read_fraction(&text, &ms) ||
        !read_offset(&text, &offset) || *text != '\0')
        return false;
    *ret_wall_ms = clock_date_to_wall_ms(date) +
                   ((int64_t)(hours * 60 + minutes - offset) * 60 + seconds) * 1000 + ms;
    return true;
}
