#include "my_universe/common/clamp.h"

double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}
