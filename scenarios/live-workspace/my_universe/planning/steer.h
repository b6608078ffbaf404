#ifndef MY_UNIVERSE_PLANNING_STEER_H
#define MY_UNIVERSE_PLANNING_STEER_H

double steer(double wanted);

#endif
