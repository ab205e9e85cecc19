/* Attributes and the one macro that returns. */
#ifndef BASE_MACROS_H
#define BASE_MACROS_H

#define MUST_CHECK          __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, a) __attribute__((format(printf, fmt, a)))
#define ARRAY_LEN(array)    (sizeof(array) / sizeof((array)[0]))

/* Runs `fn(&variable)` when the variable goes out of scope. Destructors take T **, accept a pointer
 * to NULL and set NULL. */
#define scoped(fn) __attribute__((cleanup(fn)))

/* Disarms a scoped pointer and yields its value: `return take(&thing);`. */
#define take(pointer)                                                                              \
    __extension__({                                                                                \
        __typeof__(*(pointer)) taken_ = *(pointer);                                                \
        *(pointer) = NULL;                                                                         \
        taken_;                                                                                    \
    })

/* Passes a failure on. The only macro in the project that returns. */
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        enum status try_st_ = (expr);                                                              \
        if (try_st_ != ST_OK)                                                                      \
            return try_st_;                                                                        \
    } while (0)

#endif
