#include "my_universe/perception/confidence.h"

#include "my_universe/common/clamp.h"

double confidence(double wanted)
{
    return clamp(wanted, 0.0, 1.0);
}
