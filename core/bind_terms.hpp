#pragma once

#include <nanobind/nanobind.h>

void bind_terms(nanobind::module_ &m);
