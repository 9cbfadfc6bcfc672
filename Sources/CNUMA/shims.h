#pragma once
#define _GNU_SOURCE 1
#include <numa.h>
#include <numaif.h>
#include <sched.h>
