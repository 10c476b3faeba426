#ifndef RNNZ_CZLIB_SHIM_H
#define RNNZ_CZLIB_SHIM_H
#if __has_include(<zlib.h>)
#include <zlib.h>
#else
#error "zlib headers not found. Install them: sudo apt-get install zlib1g-dev"
#endif
/* deflateInit2 and inflateInit2 are macros that pass sizeof(z_stream): Swift cannot import them. */
static inline int rnnz_inflateInit2(z_streamp stream, int windowBits) { return inflateInit2(stream, windowBits); }
static inline int rnnz_deflateInit2(z_streamp stream, int level, int windowBits, int memoryLevel, int strategy)
{
    return deflateInit2(stream, level, Z_DEFLATED, windowBits, memoryLevel, strategy);
}
#endif
