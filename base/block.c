#include "base/block.h"

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
    size_t unit = bytes < HUGE_PAGE ? CACHE_LINE : HUGE_PAGE;
    bytes = (bytes + unit - 1) & ~(unit - 1);
    void *block = aligned_alloc(unit, bytes == 0 ? unit : bytes);
    if (block == NULL) return NULL;
    /* a hint; without it pages are small */
    if (unit == HUGE_PAGE) (void)madvise(block, bytes, MADV_HUGEPAGE);
    memset(block, 0, bytes);
    return block;
}
