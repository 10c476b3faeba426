#ifndef RNNZ_CREADLINE_SHIM_H
#define RNNZ_CREADLINE_SHIM_H
#include <stdio.h> /* GNU readline needs FILE before its headers */
#include <stdlib.h>
#if __has_include(<readline/readline.h>)
#include <readline/readline.h>
#include <readline/history.h>
#else
#error "readline headers not found. Install them: sudo apt-get install libreadline-dev"
#endif
/* Swift 6 rejects plain access to mutable C globals: they are set and read through functions. */
static inline void rnnzrl_set_name(const char *s) { rl_readline_name = s; }
static inline void rnnzrl_set_catch_signals(int on) { rl_catch_signals = on; }
static inline void rnnzrl_write_to_standard_error(void) { rl_outstream = stderr; }
/* On the terminal that readline writes to, after what it wrote. */
static inline void rnnzrl_print(const char *s) {
    FILE *stream = rl_outstream ? rl_outstream : stdout;
    fputs(s, stream);
    fflush(stream);
}
static inline const char *rnnzrl_line_buffer(void) { return rl_line_buffer; }

/* Completion */
static inline void rnnzrl_set_completion(rl_completion_func_t *f) { rl_attempted_completion_function = f; }
static inline void rnnzrl_no_filename_completion(void) { rl_attempted_completion_over = 1; }
static inline void rnnzrl_set_append_char(int c) { rl_completion_append_character = c; }
static inline void rnnzrl_suppress_quote(int on) { rl_completion_suppress_quote = on; }
static inline int rnnzrl_completion_quote(void) { return rl_completion_quote_character; }
static inline void rnnzrl_set_word_breaks(const char *s) { rl_completer_word_break_characters = s; }
static inline void rnnzrl_set_quoting(const char *quotes, rl_linebuf_func_t *is_quoted) {
    rl_completer_quote_characters = quotes;
    rl_char_is_quoted_p = is_quoted;
}

/* History. Entries of several lines survive a reload only with timestamps in the file. */
static inline void rnnzrl_history_timestamps(void) { history_write_timestamps = 1; history_comment_char = '#'; }
static inline const char *rnnzrl_last_history(void) {
    HIST_ENTRY *entry = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
    return entry ? entry->line : NULL;
}
#endif
