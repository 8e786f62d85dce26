#include "worker/stock/stock.h"

int main(int argc, char *argv[]) {
	return procpool_worker_main(argc, argv, &stock_functions);
}
