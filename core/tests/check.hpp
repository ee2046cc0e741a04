// Checks that are counted, and told of when they fail.
#pragma once

#include <cstdio>
#include <string>

class Checks {
  public:
    void expect(bool holds, const std::string &what) {
        ++(holds ? passed : failed);
        if (!holds) std::fprintf(stderr, "FAILED %s\n", what.c_str());
    }
    int passed = 0, failed = 0;
};

void test_bits(Checks &checks);
void test_columns(Checks &checks);
void test_dyadic(Checks &checks);
void test_fine(Checks &checks);
void test_histogram_bound(Checks &checks);
void test_terms(Checks &checks);
