#include "my_universe/common/clamp.hpp"

double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}
