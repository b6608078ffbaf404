#include "base/block.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define CACHE_LINE ((size_t)64)

void *td_block_alloc(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / 2 / size) return NULL;
    size_t bytes = count * size;
    /* most of a huge page is worth a whole one; what is left behind several is not */
    bool huge = bytes > HUGE_PAGE / 2;
    if (huge && bytes < HUGE_PAGE) bytes = HUGE_PAGE;
    bytes = (bytes + CACHE_LINE - 1) & ~(CACHE_LINE - 1);
    void *block = NULL; /* aligned_alloc() is for multiples of the alignment only */
    if (posix_memalign(&block, huge ? HUGE_PAGE : CACHE_LINE, bytes == 0 ? CACHE_LINE : bytes) != 0)
        return NULL;
    /* a hint; without it pages are small */
    if (huge) (void)madvise(block, bytes, MADV_HUGEPAGE);
    memset(block, 0, bytes);
    return block;
}
