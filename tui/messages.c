#include "tui/messages.h"

void messages_add(struct messages *m, enum style style, int64_t at_us, struct str text)
{
    struct message *one = &m->ring[m->said++ % MESSAGES_MAX];
    one->at_us = at_us;
    one->style = style;
    one->text.len = 0;
    sbuf_str(&one->text, text);
}

size_t messages_count(const struct messages *m)
{
    return m->said < MESSAGES_MAX ? m->said : MESSAGES_MAX;
}

const struct message *messages_at(const struct messages *m, size_t i)
{
    return &m->ring[(m->said - 1 - i) % MESSAGES_MAX];
}

void messages_release(struct messages *m)
{
    for (size_t i = 0; i < MESSAGES_MAX; i++)
        sbuf_release(&m->ring[i].text);
}
