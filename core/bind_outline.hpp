#pragma once

#include <nanobind/nanobind.h>

void bind_outline(nanobind::module_ &m);
