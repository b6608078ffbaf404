#include "my_universe/perception/confidence.hpp"
#include "my_universe/planning/steer.hpp"

int main()
{
    return steer(2.0) == 0.5 && steer(-2.0) == -0.5 && confidence(3.0) == 1.0 ? 0 : 1;
}
