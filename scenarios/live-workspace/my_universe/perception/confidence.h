#ifndef MY_UNIVERSE_PERCEPTION_CONFIDENCE_H
#define MY_UNIVERSE_PERCEPTION_CONFIDENCE_H

double confidence(double wanted);

#endif
