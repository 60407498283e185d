// The parts of Apache ECharts that the pages draw with, and no others, with the
// reader of the map's format.
import { feature } from 'topojson-client';
import { getInstanceByDom, init, registerMap, use } from 'echarts/core';
import { BarChart, HeatmapChart, LineChart, RadarChart, ScatterChart } from 'echarts/charts';
import {
  AriaComponent,
  GeoComponent,
  GridComponent,
  RadarComponent,
  TooltipComponent,
  VisualMapPiecewiseComponent,
} from 'echarts/components';
import { LabelLayout } from 'echarts/features';
import { CanvasRenderer } from 'echarts/renderers';

use([
  BarChart, HeatmapChart, LineChart, RadarChart, ScatterChart,
  AriaComponent, GeoComponent, GridComponent, RadarComponent, TooltipComponent, VisualMapPiecewiseComponent,
  LabelLayout, CanvasRenderer,
]);

// getInstanceByDom is for those who look whether a chart is really drawn.
export { feature, getInstanceByDom, init, registerMap };
