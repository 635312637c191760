/** The page /docs: /schema/openapi.json drawn for people, each route to try; it asks nothing of any other host. */
import './docs.css';
import 'swagger-ui-dist/swagger-ui.css';
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js';

SwaggerUI({
  url: '/schema/openapi.json',
  dom_id: '#routes',
  presets: [SwaggerUI.presets.apis],
  plugins: [SwaggerUI.plugins.SafeRender],
  validatorUrl: null, // its default is a host on the internet
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  docExpansion: 'list',
});
