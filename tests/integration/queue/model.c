#include "model.h"

int64_t model_count(const struct model *model, enum model_state state)
{
    int64_t count = 0;
    for (int i = 0; i < MODEL_USERS; i++)
        count += model->users[i].state == state;
    return count;
}

int64_t model_position(const struct model *model, int user)
{
    int64_t position = 1;
    for (int i = 0; i < MODEL_USERS; i++)
        position += model->users[i].state == MODEL_WAITING &&
                    model->users[i].sequence < model->users[user].sequence;
    return position;
}

static void sweep(struct model *model)
{
    for (int i = 0; i < MODEL_USERS; i++) {
        struct model_user *user = &model->users[i];
        if (user->is_due && (user->state == MODEL_ACTIVE || user->state == MODEL_SKIPPED))
            *user = (struct model_user){.state = MODEL_NONE};
    }
}

static int64_t room(struct model *model)
{
    const struct policy *policy = &model->policy;
    int64_t free = INT64_MAX;
    if (policy->paused)
        return 0;
    if (policy->kind != POLICY_GATE)
        free = policy->capacity - model_count(model, MODEL_ACTIVE);
    if (policy->kind == POLICY_COUNTER)
        return free;
    if (!model->is_interval_on)
        model->used = 0;
    model->is_interval_on = true;
    int64_t left = policy->admit_batch - model->used;
    return left < free ? left : free;
}

static struct model_user *head(struct model *model)
{
    struct model_user *first = NULL;
    for (int i = 0; i < MODEL_USERS; i++) {
        struct model_user *user = &model->users[i];
        if (user->state == MODEL_WAITING && (!first || user->sequence < first->sequence))
            first = user;
    }
    return first;
}

static void admit(struct model *model)
{
    int64_t free = room(model);
    for (struct model_user *next = head(model); next && free > 0; next = head(model)) {
        next->is_due = false;
        if (next->is_absent) {
            next->state = MODEL_SKIPPED;
            model->skipped++;
            continue;
        }
        next->state = MODEL_ACTIVE;
        model->admitted++;
        model->used++;
        free--;
    }
}

static void touch(struct model_user *user)
{
    user->is_absent = false;
    if (user->state == MODEL_SKIPPED)
        user->state = MODEL_WAITING;
}

bool model_join(struct model *model, int user)
{
    struct model_user *self = &model->users[user];
    sweep(model);
    bool created = self->state == MODEL_NONE;
    if (created)
        *self = (struct model_user){.state = MODEL_WAITING, .sequence = ++model->last_sequence};
    touch(self);
    admit(model);
    return created;
}

void model_poll(struct model *model, int user)
{
    sweep(model);
    if (model->users[user].state != MODEL_NONE)
        touch(&model->users[user]);
    admit(model);
}

bool model_end(struct model *model, int user)
{
    sweep(model);
    bool ended = model->users[user].state != MODEL_NONE;
    model->users[user] = (struct model_user){.state = MODEL_NONE};
    admit(model);
    return ended;
}

void model_set_policy(struct model *model, const struct policy *policy)
{
    model->policy = *policy;
    model_tick(model);
}

void model_tick(struct model *model)
{
    sweep(model);
    admit(model);
}
