/* A decoder of the Llama family: M rows, each a token and its place, in one call.

   Weights are int8 with a scale a row. Activations are rounded to integers of 13 bits
   with a factor a row, so that every sum of a product is exact, in whatever order it is
   added. All else is float, and done alike for a row whoever stands beside it: the same
   bits alone, in a batch, in a block of a prompt, by one thread or by several. */

#include "products.h"

typedef struct { Matrix query, key, value, output, gate, up, down;
                 const float *attention_norm, *mlp_norm, *query_norm, *key_norm;
                 whole heads, kv_heads, window; } Layer;
typedef struct { const Layer *layers; Matrix head; whole count, width, head_width;
                 const float *embedding, *norm, *cosines, *sines; float epsilon; } Model;
/* The key of run r, head h, place p begins at keys + r * run + h * head + p * place. */
typedef struct { float *keys, *values; whole run, head, place; } Memory;
typedef struct { const whole *tokens, *places, *first, *runs, *wanted;
                 whole count, asked, run_places, several; } Rows;

static inline float exponential(float x) { /* 2^n * e^r with |r| below ln(2) / 2 */
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    float n = rintf(x * 1.44269504f), r = x - n * 0.693147182f, e = 1.0f / 720, power;
    e = (((((e * r + 1.0f / 120) * r + 1.0f / 24) * r + 1.0f / 6) * r + 0.5f) * r + 1) * r + 1;
    int32_t bits = ((int32_t)n + 127) << 23;
    memcpy(&power, &bits, sizeof power);
    return e * power;
}

/* Turn a head by the angles of its place, normed first where the model does so. */
static void turned(const Model *model, const float *restrict x, const float *restrict norm,
                   whole place, float *restrict y) {
    whole n = model->head_width, half = n / 2;
    const float *restrict c = model->cosines + place * n, *restrict s = model->sines + place * n;
    float scale = evened(x, norm, n, model->epsilon);
    for (whole i = 0; i < half; i++) {
        float a = norm ? x[i] * scale * norm[i] : x[i];
        float b = norm ? x[i + half] * scale * norm[i + half] : x[i + half];
        y[i] = a * c[i] + b * s[i], y[i + half] = b * c[i + half] + a * s[i + half];
    }
}

static whole address(const Memory *memory, const Rows *rows, whole m, whole place, whole head) {
    whole run = rows->runs[rows->first[m] + place / rows->run_places];
    return run * memory->run + head * memory->head + place % rows->run_places * memory->place;
}

/* Query heads of row m, one or two that share a key, look at all that their row holds, up
   to its own place. `turn`: their queries turned, then their scores, `reach` apart. */
static void attend(const Model *model, const Layer *layer, const Memory *memory,
                   const Rows *rows, const Room *room, whole m, whole head, whole heads,
                   float *turn) {
    whole n = model->head_width, place = rows->places[m], kv = head * layer->kv_heads / layer->heads;
    whole start = layer->window && place >= layer->window ? place - layer->window + 1 : 0, end;
    float *queries = room->queries + m * layer->query.rows + head * n;
    float *restrict scores = turn + 2 * n, root = 1 / sqrtf(n);
    whole seen = place + 1 - start, apart = room->reach;
    for (whole h = 0; h < heads; h++)
        turned(model, queries + h * n, layer->query_norm, place, turn + h * n);
    for (whole p = start; p <= place; p = end) { /* run by run; scores[0] is of start */
        const float *key = memory->keys + address(memory, rows, m, p, kv);
        end = smaller((p / rows->run_places + 1) * rows->run_places, place + 1);
        score(turn, key, memory->place, n, end - p, scores + p - start, apart, heads);
    }
    for (whole h = 0; h < heads; h++) {
        float *restrict mine = scores + h * apart, most = -INFINITY;
        for (whole i = 0; i < seen; i++) most = mine[i] > most ? mine[i] : most;
        for (whole i = 0; i < seen; i++) mine[i] = exponential((mine[i] - most) * root);
    }
    memset(queries, 0, heads * n * sizeof *queries); /* from here on the answers */
    for (whole p = start; p <= place; p = end) {
        const float *value = memory->values + address(memory, rows, m, p, kv);
        end = smaller((p / rows->run_places + 1) * rows->run_places, place + 1);
        add_rows(scores + p - start, apart, value, memory->place, n, end - p, queries, heads);
    }
    for (whole h = 0; h < heads; h++) {
        float total = added(scores + h * apart, seen), *query = queries + h * n;
        for (whole i = 0; i < n; i++) query[i] /= total;
    }
}

/* By key/value head and row: keep what a row brings, then look at all that there is. In
   this order a thread stays with the keys of few heads, and rows of all lengths are in
   its share. */
static void attention(const Model *model, const Layer *layer, const Memory *memory,
                      const Rows *rows, const Room *room, Thread t) {
    whole n = model->head_width, count = rows->count, group = layer->heads / layer->kv_heads;
    Share mine = share(count * layer->kv_heads, 1, t);
    for (whole unit = mine.from; unit < mine.to; unit++) {
        whole m = unit % count, kv = unit / count, from = (m * layer->kv_heads + kv) * n;
        whole place = rows->places[m], to = address(memory, rows, m, place, kv);
        turned(model, room->keys + from, layer->key_norm, place, memory->keys + to);
        memcpy(memory->values + to, room->values + from, n * sizeof(float));
    }
    if (rows->several) wait_for_all(); /* rows of one sequence look at each other */
    float *turn = room->scores + t.id * (2 * n + 2 * room->reach);
    for (whole unit = mine.from; unit < mine.to; unit++)
        for (whole h = 0; h < group; h += 2)
            attend(model, layer, memory, rows, room, unit % count, unit / count * group + h,
                   smaller(2, group - h), turn);
}

/* silu(gate) * up; a block of both is multiplied while its tokens are near. */
static void hidden(const Layer *layer, const Room *room, whole tokens, Share mine) {
    whole wide = layer->gate.rows, high = in_parts(room, tokens) ? STRIP * BLOCK : BLOCK;
    for (whole from = mine.from; from < mine.to; from += high) {
        Share rows = {from, smaller(from + high, mine.to)};
        product(&layer->gate, room, tokens, room->gate, 0, rows);
        product(&layer->up, room, tokens, room->up, 0, rows);
        for (whole m = 0; m < tokens; m++) {
            float *restrict gate = room->gate + m * wide, *restrict up = room->up + m * wide;
            for (whole i = rows.from; i < rows.to; i++)
                gate[i] = gate[i] / (1 + exponential(-gate[i])) * up[i];
        }
    }
}

static void layer_pass(const Model *model, const Layer *layer, const Memory *memory,
                       const Rows *rows, const Room *room, Thread t) {
    whole tokens = rows->count, width = model->width;
    Share queries = share(layer->query.rows, BLOCK, t), keys = share(layer->key.rows, BLOCK, t);
    Share outputs = share(width, BLOCK, t);
    Room own = prepared(*room, room->stream, layer->attention_norm, model->epsilon, width,
                        NULL, tokens, t);
    product(&layer->query, &own, tokens, room->queries, 0, queries);
    product(&layer->key, &own, tokens, room->keys, 0, keys);
    product(&layer->value, &own, tokens, room->values, 0, keys);
    wait_for_all();
    attention(model, layer, memory, rows, room, t);
    wait_for_all();
    own = prepared(*room, room->queries, NULL, 0, layer->output.columns, NULL, tokens, t);
    product(&layer->output, &own, tokens, room->stream, 1, outputs);
    wait_for_all();
    own = prepared(*room, room->stream, layer->mlp_norm, model->epsilon, width, NULL, tokens, t);
    hidden(layer, &own, tokens, share(layer->gate.rows, BLOCK, t));
    wait_for_all();
    own = prepared(*room, room->gate, NULL, 0, layer->down.columns, NULL, tokens, t);
    product(&layer->down, &own, tokens, room->stream, 1, outputs);
    wait_for_all();
}

/* All layers over all rows; logits of those rows that `wanted` names. */
void pass(const Model *model, const Memory *memory, const Rows *rows, const Room *room,
          float *logits, int threads) {
#pragma omp parallel num_threads(threads)
    {
        Thread t = thread();
        Share mine = share(rows->count, 1, t);
        for (whole m = mine.from, width = model->width; m < mine.to; m++)
            memcpy(room->stream + m * width, model->embedding + rows->tokens[m] * width,
                   width * sizeof(float));
        wait_for_all();
        for (whole l = 0; l < model->count; l++)
            layer_pass(model, model->layers + l, memory + l, rows, room, t);
        Room own = prepared(*room, room->stream, model->norm, model->epsilon, model->width,
                            rows->wanted, rows->asked, t);
        product(&model->head, &own, rows->asked, logits, 0, share(model->head.rows, BLOCK, t));
    }
}

/* One matrix alone: y (tokens, rows) of x (tokens, columns). */
void multiply(const Matrix *matrix, const float *x, whole tokens, const Room *room, float *y,
              int threads) {
#pragma omp parallel num_threads(threads)
    {
        Thread t = thread();
        Room own = prepared(*room, x, NULL, 0, matrix->columns, NULL, tokens, t);
        product(matrix, &own, tokens, y, 0, share(matrix->rows, BLOCK, t));
    }
}
