/* Lists of tokens, and a peer's own one. */
#include "fuzz/fuzz.h"

#include "live/tokens.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char own[TD_TOKEN_MOST + 1], *text = td_fuzz_text(bytes, length);
    struct td_error error = {0};
    struct td_tokens *tokens = td_tokens_parse("tokens", text, length, &error);
    TD_ASSERT((tokens == NULL) == (error.fault != TD_FAULT_NONE));
    if (tokens != NULL) TD_ASSERT(td_tokens_count(tokens) > 0);
    if (td_token_take("token", text, own, &error) && tokens != NULL) {
        const struct td_token *token = td_tokens_find(tokens, own, strlen(own));
        if (token != NULL) (void)td_token_allows(token, "app", NULL, &error);
    }
    td_tokens_destroy(tokens);
    free(text);
    return 0;
}
