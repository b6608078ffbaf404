#include "my_universe/perception/confidence.hpp"

#include "my_universe/common/clamp.hpp"

double confidence(double wanted)
{
    return clamp(wanted, 0.0, 1.0);
}
