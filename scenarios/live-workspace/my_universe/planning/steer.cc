#include "my_universe/planning/steer.hpp"

#include "my_universe/common/clamp.hpp"

double steer(double wanted)
{
    return clamp(wanted, -0.5, 0.5);
}
