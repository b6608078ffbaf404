#include "my_universe/planning/steer.h"

#include "my_universe/common/clamp.h"

double steer(double wanted)
{
    return clamp(wanted, -0.5, 0.5);
}
