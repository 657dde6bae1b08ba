/* Value and gradients as a C programmer writes them: one pass, derived on paper, every processor.

   A function takes the sizes of all inputs in a row, the inputs as arrays (a number is an array of one), and where the
   value and the gradients go. */

#include <math.h>
#include <string.h>

#define EACH _Pragma("omp parallel for")

static double normal_cdf(double x) { return 0.5 * erfc(-0.7071067811865476 * x); }

void neuron(const long *size, double **in, double **out)
{
    double *w0 = in[0], *x0 = in[1], *w1 = in[2], *x1 = in[3], *w2 = in[4], *x2 = in[5];
    EACH for (long i = 0; i < size[0]; i++) {
        double v = 1 / (1 + exp(-(w0[i] * x0[i] + w1[i] * x1[i] + w2[i] * x2[i]))), slope = v * (1 - v);
        out[0][i] = v;
        out[1][i] = slope * x0[i], out[2][i] = slope * w0[i];
        out[3][i] = slope * x1[i], out[4][i] = slope * w1[i];
        out[5][i] = slope * x2[i], out[6][i] = slope * w2[i];
    }
}

void gelu(const long *size, double **in, double **out)
{
    double *x = in[0], *value = out[0], *grad = out[1];
    EACH for (long i = 0; i < size[0]; i++) {
        double square = x[i] * x[i], bend = tanh(0.7978845608028654 * x[i] * (1 + 0.044715 * square));
        value[i] = 0.5 * x[i] * (1 + bend);
        grad[i] = 0.5 * (1 + bend)
                + 0.5 * x[i] * (1 - bend * bend) * 0.7978845608028654 * (1 + 0.134145 * square);
    }
}

void black_scholes(const long *size, double **in, double **out)
{
    double *S = in[0], *K = in[1], *r = in[2], *sigma = in[3], *T = in[4];
    EACH for (long i = 0; i < size[0]; i++) {
        double root = sqrt(T[i]), width = sigma[i] * root;
        double d1 = (log(S[i] / K[i]) + (r[i] + 0.5 * sigma[i] * sigma[i]) * T[i]) / width;
        double inside = normal_cdf(d1), paid = K[i] * exp(-r[i] * T[i]) * normal_cdf(d1 - width);
        double density = S[i] * 0.3989422804014327 * exp(-0.5 * d1 * d1);
        out[0][i] = S[i] * inside - paid;
        out[1][i] = inside, out[2][i] = -paid / K[i], out[3][i] = T[i] * paid;
        out[4][i] = density * root, out[5][i] = density * sigma[i] / (2 * root) + r[i] * paid;
    }
}

void exponential_fit(const long *size, double **in, double **out)
{
    double *y = in[0], a = *in[1], b = *in[2], *t = in[3], c = *in[4];
    double total = 0, by_a = 0, by_b = 0, by_c = 0;
#pragma omp parallel for reduction(+ : total, by_a, by_b, by_c)
    for (long i = 0; i < size[0]; i++) {
        double decay = exp(-b * t[i]), residual = y[i] - a * decay - c;
        total += residual * residual, by_a += residual * decay, by_b += residual * decay * t[i], by_c += residual;
    }
    *out[0] = total, *out[1] = -2 * by_a, *out[2] = 2 * a * by_b, *out[3] = -2 * by_c;
}

void rosenbrock(const long *size, double **in, double **out)
{
    double *x = in[0], *grad = out[1], total = 0;
    long n = size[0];
#pragma omp parallel for reduction(+ : total)
    for (long i = 0; i < n; i++) {
        double slope = 0;
        if (i + 1 < n) {
            double bend = x[i + 1] - x[i] * x[i], rest = 1 - x[i];
            total += 100 * bend * bend + rest * rest;
            slope = -400 * bend * x[i] - 2 * rest;
        }
        if (i > 0)
            slope += 200 * (x[i] - x[i - 1] * x[i - 1]);
        grad[i] = slope;
    }
    *out[0] = total;
}

void log_sum_exp(const long *size, double **in, double **out)
{
    double *x = in[0], *grad = out[1], largest = x[0], total = 0;
    long n = size[0];
#pragma omp parallel for reduction(max : largest)
    for (long i = 0; i < n; i++)
        largest = fmax(largest, x[i]);
#pragma omp parallel for reduction(+ : total)
    for (long i = 0; i < n; i++)
        total += grad[i] = exp(x[i] - largest);
    EACH for (long i = 0; i < n; i++) grad[i] /= total;
    *out[0] = log(total) + largest;
}

void sum_of_squares(const long *size, double **in, double **out)
{
    double *x = in[0], *grad = out[1], total = 0;
#pragma omp parallel for reduction(+ : total)
    for (long i = 0; i < size[0]; i++)
        total += x[i] * x[i], grad[i] = 2 * x[i];
    *out[0] = total;
}

void logistic_regression(const long *size, double **in, double **out)
{
    double *X = in[0], *y = in[1], *w = in[2], *grad = out[1], total = 0;
    long n = size[0], d = size[1];
    memset(grad, 0, d * sizeof *grad);
#pragma omp parallel for reduction(+ : total, grad[:d])
    for (long i = 0; i < n; i++) {
        double *row = X + i * d, score = 0;
        for (long j = 0; j < d; j++)
            score += row[j] * w[j];
        double margin = y[i] * score, decay = exp(-fabs(margin));
        total += fmax(-margin, 0) + log1p(decay);
        double slope = -y[i] * (margin >= 0 ? decay : 1) / (1 + decay) / n;
        for (long j = 0; j < d; j++)
            grad[j] += slope * row[j];
    }
    *out[0] = total / n;
}

void kmeans(const long *size, double **in, double **out)
{
    double *X = in[0], *C = in[1], *grad = out[1], total = 0;
    long n = size[0], d = size[1], clusters = size[2];
    memset(grad, 0, clusters * d * sizeof *grad);
#pragma omp parallel for reduction(+ : total, grad[:clusters * d])
    for (long i = 0; i < n; i++) {
        double *row = X + i * d, least = INFINITY;
        long nearest = 0;
        for (long k = 0; k < clusters; k++) {
            double square = 0;
            for (long j = 0; j < d; j++)
                square += (row[j] - C[k * d + j]) * (row[j] - C[k * d + j]);
            if (square < least)
                least = square, nearest = k;
        }
        total += least;
        for (long j = 0; j < d; j++)
            grad[nearest * d + j] += 2 * (C[nearest * d + j] - row[j]);
    }
    *out[0] = total;
}
